/* prune.c - which epochs are kept, and removing the others with all that is theirs alone.
 *
 * Epochs share what they have in common (records of applications, objects, vectors, blobs), so that
 * an old one costs what has changed since. An epoch that was like its neighbours leaves nothing
 * behind but its inputs; only where a record of an application goes are the tables looked through
 * for what nothing refers to any more.
 */
#include "store/prune.h"

#include <stdlib.h>

#include "store/statement.h"
#include "store/transaction.h"

struct removed_epoch { /* its inputs, which may be other epochs' too; 0: none */
	int64_t scan, probes;
};

/* Delete all epochs older than the `keep` newest, but not `needed` or a later one. */
static int remove_epochs(struct matr_store *store, size_t keep, int64_t needed,
			 struct store_rows *removed, struct matr_error *err)
{
	sqlite3_stmt *statement =
		store_statement(store,
				"DELETE FROM epochs WHERE id < ?2 AND id NOT IN"
				" (SELECT id FROM epochs ORDER BY id DESC LIMIT ?1)"
				" RETURNING coalesce(scan_blob_id, 0), coalesce(probes_blob_id, 0)",
				err);
	struct removed_epoch *item;

	if (statement) {
		store_bind(statement, 1, (int64_t)(keep < INT32_MAX ? keep : INT32_MAX));
		store_bind(statement, 2, needed);
	}
	*removed = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(removed, err)) != NULL) {
		item->scan = sqlite3_column_int64(statement, 0);
		item->probes = sqlite3_column_int64(statement, 1);
	}
	return removed->failed ? -1 : 0;
}

static int remove_input(struct matr_store *store, int64_t blob, struct matr_error *err)
{
	sqlite3_stmt *statement =
		store_statement(store,
				"DELETE FROM blobs WHERE id = ?1"
				" AND NOT EXISTS (SELECT 1 FROM epochs WHERE scan_blob_id = ?1)"
				" AND NOT EXISTS (SELECT 1 FROM epochs WHERE probes_blob_id = ?1)"
				" AND NOT EXISTS (SELECT 1 FROM object_blobs WHERE blob_id = ?1)"
				" AND NOT EXISTS (SELECT 1 FROM vectors WHERE blob_id = ?1)",
				err);
	if (!statement)
		return -1;
	store_bind(statement, 1, blob);
	return store_execute(store, statement, err);
}

/* In an order in which nothing that goes is still referred to. */
static int sweep(struct matr_store *store, struct matr_error *err)
{
	if (store_run_sql(store,
			  "DELETE FROM application_records WHERE id NOT IN"
			  " (SELECT application_id FROM epoch_applications)",
			  err) != 0)
		return -1;
	if (sqlite3_changes(store->db) == 0)
		return 0;
	return store_run_sql(
		store,
		"DELETE FROM directory_paths WHERE id NOT IN"
		" (SELECT directory_id FROM epoch_directories UNION ALL"
		"  SELECT directory_id FROM application_directories);"
		"DELETE FROM vectors WHERE id NOT IN"
		" (SELECT vector_id FROM scope_entries WHERE vector_id IS NOT NULL"
		"  UNION ALL SELECT vector_id FROM closure_entries WHERE vector_id IS NOT NULL);"
		"DELETE FROM locations WHERE id NOT IN (SELECT location_id FROM scope_entries"
		"  UNION ALL SELECT location_id FROM closure_entries);"
		"DELETE FROM objects WHERE id NOT IN (SELECT object_id FROM locations);"
		"DELETE FROM blobs WHERE id NOT IN (SELECT blob_id FROM object_blobs"
		" UNION ALL SELECT blob_id FROM vectors"
		" UNION ALL SELECT scan_blob_id FROM epochs WHERE scan_blob_id IS NOT NULL"
		" UNION ALL SELECT probes_blob_id FROM epochs WHERE probes_blob_id IS NOT NULL);",
		err);
}

int store_remove_epochs(struct matr_store *store, size_t keep, int64_t needed, size_t *n_removed,
			struct matr_error *err)
{
	struct store_rows removed;
	int result = remove_epochs(store, keep, needed, &removed, err);
	const struct removed_epoch *list = removed.items;

	for (size_t i = 0; i < removed.n && result == 0; i++) {
		if (list[i].scan)
			result = remove_input(store, list[i].scan, err);
		if (result == 0 && list[i].probes)
			result = remove_input(store, list[i].probes, err);
	}
	if (result == 0 && (removed.n || store->has_orphans))
		result = sweep(store, err);
	if (n_removed)
		*n_removed = removed.n;
	free(removed.items);
	return result;
}

int store_give_back(struct matr_store *store)
{
	return store_run_sql(store, "PRAGMA incremental_vacuum", NULL);
}

int store_prune(struct matr_store *store, size_t keep, int64_t needed, size_t *n_removed,
		struct matr_error *err)
{
	if (store_transaction_begin(store, err) != 0)
		return -1;
	if (store_remove_epochs(store, keep, needed, n_removed, err) != 0 ||
	    store_transaction_commit(store, err) != 0) {
		store_transaction_roll_back(store);
		return -1;
	}
	(void)store_give_back(store);
	return 0;
}

int matr_store_epochs(struct matr_store *store, int64_t **out, size_t *n, struct matr_error *err)
{
	return store_rows_of_ids(store,
				 store_statement(store, "SELECT id FROM epochs ORDER BY id", err),
				 out, n, err);
}
