/* file_id.h - which file a struct stat is about, and whether it has changed. */
#ifndef MATR_BASE_FILE_ID_H
#define MATR_BASE_FILE_ID_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include <matr/file_id.h>

/* Nanoseconds since the clock's start: 1970 for a file's times. */
int64_t timespec_ns(const struct timespec *time);

struct matr_file_id file_id_of(const struct stat *status);

/* Test whether all fields are equal. */
bool file_id_equal(const struct matr_file_id *a, const struct matr_file_id *b);

/* Test whether the inode is the same, whatever has happened to its contents. */
bool file_id_same_inode(const struct matr_file_id *id, const struct stat *status);

/* Test whether the file is the same, and unchanged. The file was looked at no earlier than
 * `trusted`. Returns false if its ctime is so late that a change after that would not show. */
bool file_id_unchanged(const struct matr_file_id *before, const struct matr_file_id *now,
		       int64_t trusted);

#endif
