/* file_id.h - what a struct stat says of which file it is. */
#ifndef MATR_BASE_FILE_ID_H
#define MATR_BASE_FILE_ID_H

#include <stdbool.h>
#include <sys/stat.h>

#include <matr/file_id.h>

struct matr_file_id file_id_of(const struct stat *status);

/* The same file, unchanged; and neither time says that it may have changed after it was looked at, which was not
 * before `trusted`. */
bool file_id_unchanged(const struct matr_file_id *before, const struct matr_file_id *now,
		       int64_t trusted);

#endif
