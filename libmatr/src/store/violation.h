/* violation.h - recording violations. */
#ifndef MATR_STORE_VIOLATION_H
#define MATR_STORE_VIOLATION_H

#include <matr/store.h>

/* Record a violation, with the ids of the applications that were withdrawn; violation->withdrawn is
 * not read. */
int store_add_violation(struct matr_store *store, int64_t epoch,
			const struct matr_violation *violation, const int64_t *applications,
			size_t n, struct matr_error *err);

#endif
