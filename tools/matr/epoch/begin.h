/* begin.h - beginning an epoch, shared by several commands. */
#ifndef MATR_TOOLS_EPOCH_BEGIN_H
#define MATR_TOOLS_EPOCH_BEGIN_H

#include "common/begin_request.h"

/* Begin an epoch of the prefix, by matrd if that runs for it, and report the result of each
 * program. Returns the exit status. */
int epoch_begin(const char *prefix, const struct begin_request *request);

#endif
