/* same_program.c - a program that was enabled or disabled during an epoch is the same program.
 *
 * matr enable puts a copy in the program's place in which PT_INTERP is another path, and matr disable puts the original
 * back. Nothing that a mapping follows from is in these bytes, and size and modification time are the same. ld.so's part of
 * the work does not depend on which inode the program has. So such a file keeps its mapping. It is known by what the store
 * holds of the recorded file, all of it but the interpreter: build-id, segments, symbols, relocations, what it needs. A
 * build-id alone would not do, for not every program has one. While the original is beside it, all other bytes are compared
 * as well.
 *
 * This is for applications only: a library that is replaced is a violation even where it seems the same.
 */
#include "epoch/same_program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/loader.h>

#include "base/enable_names.h"
#include "base/file.h"
#include "base/file_id.h"
#include "elf/interpreter.h"

enum { MAX_PROGRAM = 1 << 30 }; /* bytes, as in enable.c */

/* Does the store hold the same of the object as in this row, but for which file it is and whose interpreter it wants? */
static int is_recorded(sqlite3_stmt *row, const struct matr_object *object, struct matr_error *err)
{
	struct matr_object as_recorded = *object;
	const void *hash = sqlite3_column_blob(row, 0);
	uint8_t now[MATR_HASH_SIZE];

	as_recorded.path = (char *)(uintptr_t)sqlite3_column_text(row, 1);
	as_recorded.interpreter = (const char *)sqlite3_column_text(row, 2);
	as_recorded.file = (struct matr_file_id){
		.device = (uint64_t)sqlite3_column_int64(row, 3),
		.inode = (uint64_t)sqlite3_column_int64(row, 4),
		.size = (uint64_t)sqlite3_column_int64(row, 5),
		.mtime = sqlite3_column_int64(row, 6),
		.ctime = sqlite3_column_int64(row, 7),
	};
	if (!as_recorded.path || !as_recorded.interpreter ||
	    sqlite3_column_bytes(row, 0) != MATR_HASH_SIZE)
		return 0;
	if (matr_object_hash(&as_recorded, now, err) != 0)
		return -1;
	return memcmp(now, hash, MATR_HASH_SIZE) == 0;
}

/* Is it an application of the epoch, by its path there or its own? */
static int is_application(struct matr_store *store, int64_t epoch, const char *path,
			  const struct matr_object *object, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		store,
		"SELECT o.hash, o.path, o.interpreter, o.device, o.inode, o.size, o.mtime, o.ctime"
		" FROM epoch_applications e JOIN scope_entries s ON"
		" s.application_id = e.application_id AND s.position = 0"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE e.epoch_id = ?1 AND (l.path = ?2 OR o.path = ?2)",
		err);
	int more, n = 0, same = 1;

	if (!rows)
		return -1;
	matr_bind(rows, 1, epoch);
	matr_bind_text(rows, 2, path);
	while (same > 0 && (more = matr_step(store, rows, err)) != 0) {
		same = more > 0 ? is_recorded(rows, object, err) : -1;
		n++;
	}
	sqlite3_reset(rows);
	return n ? same : 0;
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
	bool same = snprintf(original, sizeof original, "%.*s/.%s" ENABLE_ORIGINAL,
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
	int result = is_application(store, epoch, path, object, err);
	matr_object_free(object);
	return result > 0 ? same_as_original(path) : result;
}
