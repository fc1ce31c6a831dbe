/* transaction.h - one write transaction of a store that is open to MATR_STORE_WRITE.
 *
 * store_begin() and store_commit() do the same for an epoch. Closing the store rolls back.
 */
#ifndef MATR_STORE_TRANSACTION_H
#define MATR_STORE_TRANSACTION_H

#include <matr/store.h>

/* Waits for another process's transaction, for a limited time: BUSY. */
int store_transaction_begin(struct matr_store *store, struct matr_error *err);
int store_transaction_commit(struct matr_store *store, struct matr_error *err);
void store_transaction_roll_back(struct matr_store *store);

#endif
