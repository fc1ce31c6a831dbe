/* marker.h - files of the prefix that mark an epoch as suspended, and that list the programs it was
 * begun for. */
#ifndef MATR_EPOCH_MARKER_H
#define MATR_EPOCH_MARKER_H

#include <matr/epoch.h>

/* Note that `by` has suspended the epoch. */
int epoch_mark_suspended(const char *prefix, const char *by, struct matr_error *err);

/* Drop the suspension. Called by begin and end. */
int epoch_forget_suspension(const char *prefix, struct matr_error *err);

/* Record the programs that were named when the epoch began. results NULL: none, it is the whole
 * system's. */
int epoch_keep_programs(const char *prefix, const struct matr_epoch_result *results, size_t n,
			struct matr_error *err);

#endif
