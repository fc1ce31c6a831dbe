/* path.h - paths put together in buffers of PATH_MAX bytes. */
#ifndef MATR_PATH_H
#define MATR_PATH_H

#include <limits.h>

#include <matr/error.h>

/* DIRECTORY/NAME. Fails with USAGE where that is too long. */
int path_join(const char *directory, const char *name, char out[PATH_MAX], struct matr_error *err);

#endif
