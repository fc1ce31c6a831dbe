/* expand.h - the paths that a pattern of glob(7) matches. */
#ifndef MATR_EXPAND_H
#define MATR_EXPAND_H

#include <glob.h>

#include <matr/error.h>

/* Expand a pattern, past directories that cannot be read. No match is no error.
 * flags: those of glob(3).
 * *out: globfree(), also after an error. Errors: RESOURCES. */
int expand_pattern(const char *pattern, int flags, glob_t *out, struct matr_error *err);

#endif
