/* same_program.c - see same_program.h.
 *
 * matr enable puts a copy in the program's place in which PT_INTERP is another path, and matr disable puts the original
 * back. Nothing that a mapping follows from is in these bytes, and size, modification time and build-id are the same.
 * ld.so's part of the work does not depend on which inode the program has. So such a file keeps its mapping. While the
 * original is beside it, all other bytes are compared as well.
 *
 * This is for applications only: a library that is replaced is a violation even where it seems the same.
 */
#include "same_program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/loader.h>

#include "file_id.h"
#include "program_interpreter.h"
#include "write_file.h"

enum { MAX_PROGRAM = 1 << 30 }; /* bytes, as in enable.c */

static bool is_recorded_build_id(const struct matr_build_id *id, const char *text)
{
	char hex[2 * MATR_BUILD_ID_MAX + 1] = "";

	for (size_t i = 0; i < id->size; i++)
		snprintf(hex + 2 * i, 3, "%02x", id->bytes[i]);
	return id->size && strcmp(hex, text) == 0;
}

/* Is an application of that path and build-id in the epoch? */
static int is_application(struct matr_store *store, int64_t epoch, const char *path,
			  const struct matr_build_id *build_id, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		store,
		"SELECT o.build_id FROM epoch_applications e JOIN scope_entries s ON"
		" s.application_id = e.application_id AND s.position = 0"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE e.epoch_id = ?1 AND (l.path = ?2 OR o.path = ?2)",
		err);
	int more, n = 0;
	bool all = true;

	if (!rows)
		return -1;
	matr_bind(rows, 1, epoch);
	matr_bind_text(rows, 2, path);
	while ((more = matr_step(store, rows, err)) > 0) {
		const char *text = (const char *)sqlite3_column_text(rows, 0);
		all = all && text && is_recorded_build_id(build_id, text);
		n++;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : n && all;
}

/* The program's bytes with an interpreter's place blanked. false: not a program that could have been enabled. */
static bool read_blanked(const char *path, unsigned char **bytes, size_t *size)
{
	void *data;
	size_t room;

	if (read_file(path, MAX_PROGRAM, &data, size, NULL) != 0)
		return false;
	char *interpreter = program_interpreter(data, *size, &room);
	if (!interpreter || (strcmp(interpreter, MATR_SYSTEM_LOADER) != 0 &&
			     strcmp(interpreter, "/lib64/" MATR_LOADER_FILE) != 0)) {
		free(data);
		return false;
	}
	memset(interpreter, 0, room);
	*bytes = data;
	return true;
}

/* Where the original is beside the program: does it say the same? */
static bool same_as_original(const char *path)
{
	char original[PATH_MAX], canonical[PATH_MAX];
	unsigned char *now = NULL, *then = NULL;
	size_t n_now = 0, n_then = 0;

	if (!realpath(path, canonical) || !read_blanked(canonical, &now, &n_now))
		return false;
	char *slash = strrchr(canonical, '/');
	bool same = snprintf(original, sizeof original, "%.*s/.%s.matr-original",
			     (int)(slash - canonical), canonical, slash + 1) < PATH_MAX;
	struct stat status;
	if (same && lstat(original, &status) == 0)
		same = read_blanked(original, &then, &n_then) && n_now == n_then &&
		       memcmp(now, then, n_now) == 0;
	free(then);
	free(now);
	return same;
}

int same_program(struct matr_store *store, int64_t epoch, const char *path,
		 const struct matr_file_id *recorded, struct matr_error *err)
{
	struct matr_object *object;
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return 0;
	struct matr_file_id now = file_id_of(&status);
	if (now.size != recorded->size || now.mtime != recorded->mtime ||
	    matr_object_open(path, &object, NULL) != 0)
		return 0;
	int result = is_application(store, epoch, path, &object->build_id, err);
	matr_object_free(object);
	return result > 0 ? same_as_original(path) : result;
}
