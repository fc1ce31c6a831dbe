/* temporary_prefix.h - a prefix for one command, gone when the command is. */
#ifndef MATR_TOOLS_COMMON_TEMPORARY_PREFIX_H
#define MATR_TOOLS_COMMON_TEMPORARY_PREFIX_H

#include <limits.h>

#include <matr/error.h>

/* Make an empty prefix in a new directory of TMPDIR, or /tmp. Programs have to be executable there:
 * a place that is mounted noexec is passed over for /var/tmp.
 * name: the command's, for the directory's name.
 * out: receives the canonical path, "" on error. */
int temporary_prefix_make(const char *name, char out[PATH_MAX], struct matr_error *err);

/* Remove the prefix with its files. "": there is none. */
void temporary_prefix_remove(const char *prefix);

#endif
