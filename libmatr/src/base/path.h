/* path.h - paths put together in buffers of PATH_MAX bytes, and taken apart. */
#ifndef MATR_PATH_H
#define MATR_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

/* DIRECTORY/NAME. Fails with USAGE where that is too long. */
int path_join(const char *directory, const char *name, char out[PATH_MAX], struct matr_error *err);

/* The last component: the rest behind the last slash, or the whole path if it has none. */
const char *path_name(const char *path);

/* The length of the path's directory: 1 for files of "/", 0 for a path without a slash. */
size_t path_directory(const char *path);

/* Shorten a path to its directory. Returns false, and leaves the path as it was, if that is "/" or
 * the path has no slash. */
bool path_cut(char *path);

#endif
