/* prune.h - which epochs are kept. */
#ifndef MATR_STORE_PRUNE_H
#define MATR_STORE_PRUNE_H

#include <matr/store.h>

/* matr_store_prune() within a transaction. n_removed may be NULL. */
int matr_store_remove_epochs(struct matr_store *store, size_t keep, int64_t needed,
			     size_t *n_removed, struct matr_error *err);

/* Give free pages back to the file system, after the commit. Nothing depends on it. */
int matr_store_give_back(struct matr_store *store);

#endif
