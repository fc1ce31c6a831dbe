/* resolved.h - the mapping of a program that is not in the epoch, worked out at once. */
#ifndef MATR_TOOLS_COMMON_RESOLVED_H
#define MATR_TOOLS_COMMON_RESOLVED_H

#include "common/options.h"
#include "common/recorded.h"

/* Like recorded_open(). A program that the epoch does not have, or with an environment any program,
 * is resolved as its files are now: nothing is stored, and out->store is NULL. A note on standard
 * error reports it if it was not asked for. environment: NAME=VALUE; LD_LIBRARY_PATH and
 * LD_PRELOAD. Errors: USAGE (another variable, or an epoch as well). */
int recorded_or_resolved(const char *prefix, const char *program, const char *epoch,
			 const struct option_list *environment, struct recorded *out,
			 struct matr_error *err);

#endif
