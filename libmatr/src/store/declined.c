/* declined.c - programs that an epoch declined. */
#include "store/declined.h"

#include <stdlib.h>

#include "store/statement.h"

int store_decline(struct matr_store *store, int64_t epoch, const char *path, const char *reason,
		  struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT OR REPLACE INTO declined (epoch_id, path, reason) VALUES (?1, ?2, ?3)",
		err);
	if (!insert)
		return -1;
	store_bind(insert, 1, epoch);
	store_bind_text(insert, 2, path);
	store_bind_text(insert, 3, reason);
	return store_execute(store, insert, err);
}

int store_decline_own(struct matr_store *store, int64_t epoch, const char *path,
		      struct matr_error *err)
{
	sqlite3_stmt *update = store_statement(
		store, "UPDATE declined SET own_file = 1 WHERE epoch_id = ?1 AND path = ?2", err);
	if (!update)
		return -1;
	store_bind(update, 1, epoch);
	store_bind_text(update, 2, path);
	return store_execute(store, update, err);
}

/* The rows, path and reason, of a statement whose parameter is the epoch (NULL: it has failed). */
static int list_declined(struct matr_store *store, sqlite3_stmt *statement, int64_t epoch,
			 struct matr_store_declined **out, size_t *n, struct matr_error *err)
{
	struct matr_store_declined *item;

	if (statement)
		store_bind(statement, 1, epoch);
	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		store_row_text(&rows, 0, &item->path, err);
		store_row_text(&rows, 1, &item->reason, err);
	}
	if (rows.failed) {
		matr_store_declined_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

int matr_store_declined(struct matr_store *store, int64_t epoch, struct matr_store_declined **out,
			size_t *n, struct matr_error *err)
{
	return list_declined(
		store,
		store_statement(
			store,
			"SELECT path, reason FROM declined WHERE epoch_id = ?1 ORDER BY path", err),
		epoch, out, n, err);
}

int store_declined_own(struct matr_store *store, int64_t epoch, struct matr_store_declined **out,
		       size_t *n, struct matr_error *err)
{
	return list_declined(
		store,
		store_statement(store,
				"SELECT path, reason FROM declined WHERE epoch_id = ?1 AND own_file"
				" ORDER BY path",
				err),
		epoch, out, n, err);
}

void matr_store_declined_free(struct matr_store_declined *declined, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(declined[i].path);
		free(declined[i].reason);
	}
	free(declined);
}
