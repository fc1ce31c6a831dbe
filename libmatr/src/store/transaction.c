/* transaction.c - one write transaction of a store. */
#include "store/transaction.h"

#include "store/statement.h"

int store_transaction_begin(struct matr_store *store, struct matr_error *err)
{
	return store_run_sql(store, "BEGIN IMMEDIATE", err);
}

int store_transaction_commit(struct matr_store *store, struct matr_error *err)
{
	return store_run_sql(store, "COMMIT", err);
}

void store_transaction_roll_back(struct matr_store *store)
{
	(void)store_run_sql(store, "ROLLBACK", NULL);
}
