/* file.h - a file that appears under its name whole or not at all. */
#ifndef MATR_WRITE_FILE_H
#define MATR_WRITE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <matr/error.h>

/* Write to a temporary name beside `path`, fsync, rename, fsync the directory. On failure nothing
 * of it is left and what was at `path` is untouched. */
int file_write(const char *path, const void *data, size_t size, mode_t mode,
	       struct matr_error *err);

/* The same for a file in several pieces. */
struct file_piece {
	const void *data;
	size_t size;
};
int file_write_pieces(const char *path, const struct file_piece *pieces, size_t n, mode_t mode,
		      struct matr_error *err);

/* Fail after a file at `path` could not be made or replaced; errno has the reason. For a lack of
 * permission (DENIED), the message names the owner of the directory: "only root may change it".
 * Otherwise it is `what` and the reason. */
int file_fail_to_change(const char *path, const char *what, struct matr_error *err);

/* Test whether the directory entry is a temporary file of file_write() for the file `name`. */
bool file_is_leftover_of(const char *entry, const char *name);

/* Remove the temporary files that killed file_write() calls for these names, or for this path, left
 * in the directory. Only with the lock that its writers take. */
int file_remove_leftovers(const char *directory, const char *const *names, size_t n,
			  struct matr_error *err);
int file_clean(const char *path, struct matr_error *err);

/* Sync a directory, so that a rename in it is on disk. `directory` is for messages where it is open
 * already. */
int file_sync_directory(const char *directory, struct matr_error *err);
int file_sync_directory_fd(int fd, const char *directory, struct matr_error *err);

/* The whole file in memory (free()); it may be at most `limit` bytes. */
int file_read(const char *path, size_t limit, void **data, size_t *size, struct matr_error *err);

#endif
