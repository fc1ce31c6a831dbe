/* same_program.c - a program that was enabled or disabled during an epoch is the same program.
 *
 * matr enable puts a copy in the program's place in which PT_INTERP is another path, and matr
 * disable puts the original back. Nothing that a mapping follows from is in these bytes, and size
 * and modification time are the same. ld.so's part of the work does not depend on which inode the
 * program has. So such a file keeps its mapping. It is known by what the store holds of the
 * recorded file, all of it but the interpreter: build-id, segments, symbols, relocations, what it
 * needs. A build-id alone would not do, for not every program has one. While the original is beside
 * it, all other bytes are compared as well.
 *
 * This is for applications only: a library that is replaced is a violation even where it seems the
 * same.
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
#include "base/path.h"
#include "elf/interpreter.h"
#include "store/mapping.h"

enum { MAX_PROGRAM = 1 << 30 }; /* bytes, as in enable.c */

/* The program's bytes with an interpreter's place blanked. false: not a program that could have
 * been enabled. */
static bool read_blanked(const char *path, unsigned char **bytes, size_t *size)
{
	void *data;
	size_t room;

	if (file_read(path, MAX_PROGRAM, &data, size, NULL) != 0)
		return false;
	char *interpreter = elf_interpreter(data, *size, &room);
	if (!interpreter || (strcmp(interpreter, MATR_SYSTEM_LOADER) != 0 &&
			     strcmp(interpreter, "/lib64/" MATR_LOADER_FILE) != 0)) {
		free(data);
		return false;
	}
	memset(interpreter, 0, room);
	*bytes = data;
	return true;
}

/* Compare with the original beside the program, if there is one. */
static bool same_as_original(const char *path)
{
	char original[PATH_MAX], canonical[PATH_MAX];
	unsigned char *now = NULL, *then = NULL;
	size_t n_now = 0, n_then = 0;

	if (!realpath(path, canonical) || !read_blanked(canonical, &now, &n_now))
		return false;
	const char *name = path_name(canonical);
	bool same = snprintf(original, sizeof original, "%.*s.%s" ENABLE_ORIGINAL,
			     (int)(name - canonical), canonical, name) < PATH_MAX;
	struct stat status;
	if (same && lstat(original, &status) == 0)
		same = read_blanked(original, &then, &n_then) && n_now == n_then &&
		       memcmp(now, then, n_now) == 0;
	free(then);
	free(now);
	return same;
}

int epoch_same_program(struct matr_store *store, int64_t epoch, const char *path,
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
	int result = store_same_program(store, epoch, path, object, err);
	matr_object_free(object);
	return result > 0 ? same_as_original(path) : result;
}
