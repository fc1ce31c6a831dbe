/* path.h - paths put together in buffers of PATH_MAX bytes, and taken apart. */
#ifndef MATR_TOOLS_COMMON_PATH_H
#define MATR_TOOLS_COMMON_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <matr/error.h>

/* DIRECTORY/NAME, without a second slash if DIRECTORY is "/". Fails with USAGE if that is too
 * long. */
int path_join(const char *directory, const char *name, char out[PATH_MAX], struct matr_error *err);

/* The last component: the rest behind the last slash, or the whole path if it has none. */
const char *path_name(const char *path);

/* The length of the path's directory: 1 for files of "/", 0 for a path without a slash. */
size_t path_directory(const char *path);

/* The directory of this process's executable, or the one `above` levels over it. Returns false if
 * it cannot be found. */
bool path_of_executable(int above, char out[PATH_MAX]);

/* The process's umask. */
mode_t path_umask(void);

/* The permissions of the file at `path`, or those of a new file if there is none. */
mode_t path_mode(const char *path);

#endif
