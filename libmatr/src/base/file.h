/* file.h - a file that appears under its name whole or not at all. */
#ifndef MATR_WRITE_FILE_H
#define MATR_WRITE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include <matr/error.h>

/* Write to a temporary name beside `path`, fsync, rename, fsync the directory. On failure nothing of it is
 * left and what was at `path` is untouched. */
int write_file(const char *path, const void *data, size_t size, mode_t mode,
	       struct matr_error *err);

/* Fail after a file at `path` could not be made or replaced; errno has the reason. If that is a lack of permission, the
 * message says whose it is (DENIED): "only root may change it" of the directory. Otherwise it is `what` and the reason. */
int fail_to_change(const char *path, const char *what, struct matr_error *err);

/* Remove what write_file() calls for this path left that were killed. Only with the lock that its writers take. */
int write_file_clean(const char *path, struct matr_error *err);

/* The whole file in memory (free()); it may be at most `limit` bytes. */
int read_file(const char *path, size_t limit, void **data, size_t *size, struct matr_error *err);

#endif
