/* declined.h - programs that an epoch declined. */
#ifndef MATR_STORE_DECLINED_H
#define MATR_STORE_DECLINED_H

#include <matr/store.h>

/* Record that `path` gets plain starts, and why (one line). */
int store_decline(struct matr_store *store, int64_t epoch, const char *path, const char *reason,
		  struct matr_error *err);

/* Record that the program was declined for the contents of its own file. */
int store_decline_own(struct matr_store *store, int64_t epoch, const char *path,
		      struct matr_error *err);

/* List the declined programs of an epoch, by path. *out: matr_store_declined_free(). */
int store_declined_own(struct matr_store *store, int64_t epoch, struct matr_store_declined **out,
		       size_t *n, struct matr_error *err);

#endif
