/* marker.h - files of the prefix that mark an epoch as suspended, and that list the programs it was
 * begun for. */
#ifndef MATR_EPOCH_MARKER_H
#define MATR_EPOCH_MARKER_H

#include <matr/epoch.h>

/* Note that `by` has suspended the epoch. */
int epoch_mark_suspended(const char *prefix, const char *by, struct matr_error *err);

/* Drop the suspension. Called by begin and end. */
int epoch_forget_suspension(const char *prefix, struct matr_error *err);

/* Record the programs of the epoch that its scan has not found. scan NULL: there was none. */
int epoch_keep_programs(const char *prefix, const struct matr_epoch_result *results, size_t n,
			const struct matr_scan *scan, struct matr_error *err);

/* List these programs: from *first on. *out: matr_epoch_programs_free(). */
int epoch_kept_programs(const char *prefix, char ***out, size_t *n, size_t *first,
			struct matr_error *err);

#endif
