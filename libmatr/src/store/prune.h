/* prune.h - which epochs are kept. */
#ifndef MATR_STORE_PRUNE_H
#define MATR_STORE_PRUNE_H

#include <matr/store.h>

/* Remove all epochs except the `keep` newest, and except `needed` and later ones, with what is
 * theirs alone, in a transaction of its own. *n_removed: how many. */
int store_prune(struct matr_store *store, size_t keep, int64_t needed, size_t *n_removed,
		struct matr_error *err);

/* store_prune() within a transaction. n_removed may be NULL. */
int store_remove_epochs(struct matr_store *store, size_t keep, int64_t needed, size_t *n_removed,
			struct matr_error *err);

/* Give free pages back to the file system, after the commit. Nothing depends on it. */
int store_give_back(struct matr_store *store);

#endif
