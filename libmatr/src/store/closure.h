/* closure.h - what applications load, in an epoch that is being written. */
#ifndef MATR_STORE_CLOSURE_H
#define MATR_STORE_CLOSURE_H

#include <matr/mapping.h>
#include <matr/store.h>

/* Add what the application loads: the closure whose root is `root`, loaded with the flags
 * (matr/recording.h). The application is in the store, and its mapping not yet freed. closure NULL:
 * it is left to ld.so for the reason. *id (may be NULL): the closure's. */
int store_add_closure(struct matr_store *store, int64_t application, const char *root,
		      const char *flags, const struct matr_closure *closure, const char *reason,
		      int64_t *id, struct matr_error *err);

/* Give a closure a reason: it is left to ld.so after all. */
int store_decline_closure(struct matr_store *store, int64_t closure, const char *reason,
			  struct matr_error *err);

#endif
