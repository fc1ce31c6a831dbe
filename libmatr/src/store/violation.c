/* violation.c - files that changed during an epoch, and the applications that were withdrawn for
 * it. */
#include "store/violation.h"

#include <stdlib.h>
#include <string.h>

#include "store/statement.h"

int store_add_violation(struct matr_store *store, int64_t epoch,
			const struct matr_violation *violation, const int64_t *applications,
			size_t n, struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT INTO violations (epoch_id, time, path, kind, action, pid, uid, command,"
		" detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		err);
	if (!insert)
		return -1;
	store_bind(insert, 1, epoch);
	store_bind(insert, 2, violation->time);
	store_bind_text(insert, 3, violation->path);
	store_bind_text(insert, 4, violation->kind);
	store_bind_text(insert, 5, violation->action);
	if (violation->pid > 0)
		store_bind(insert, 6, violation->pid);
	if (violation->uid >= 0)
		store_bind(insert, 7, violation->uid);
	store_bind_text(insert, 8, violation->command);
	store_bind_text(insert, 9, violation->detail);
	if (store_execute(store, insert, err) != 0)
		return -1;
	int64_t id = sqlite3_last_insert_rowid(store->db);
	for (size_t i = 0; i < n; i++) {
		insert = store_statement(store,
					 "INSERT OR IGNORE INTO withdrawals (violation_id,"
					 " application_id) VALUES (?1, ?2)",
					 err);
		if (!insert)
			return -1;
		store_bind(insert, 1, id);
		store_bind(insert, 2, applications[i]);
		if (store_execute(store, insert, err) != 0)
			return -1;
	}
	return 0;
}

void matr_store_violations_free(struct matr_violation *violations, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(violations[i].path);
		free(violations[i].kind);
		free(violations[i].action);
		free(violations[i].command);
		free(violations[i].detail);
		for (size_t k = 0; k < violations[i].n_withdrawn; k++)
			free(violations[i].withdrawn[k]);
		free(violations[i].withdrawn);
	}
	free(violations);
}

static int read_withdrawn(struct matr_store *store, int64_t id, struct matr_violation *out,
			  struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT DISTINCT r.path FROM withdrawals w JOIN application_records r ON"
		" r.id = w.application_id WHERE w.violation_id = ?1 ORDER BY r.path",
		id, err);

	return store_rows_of_text(store, statement, &out->withdrawn, &out->n_withdrawn, err);
}

int matr_store_violations(struct matr_store *store, int64_t epoch, struct matr_violation **out,
			  size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT id, time, path, kind, action, pid, uid, command, detail FROM violations"
		" WHERE epoch_id = ?1 ORDER BY id",
		epoch, err);
	struct matr_violation *item;

	*out = NULL;
	*n = 0;
	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		bool has_uid = sqlite3_column_type(statement, 6) != SQLITE_NULL;
		item->time = sqlite3_column_int64(statement, 1);
		item->pid = sqlite3_column_int64(statement, 5);
		item->uid = has_uid ? sqlite3_column_int64(statement, 6) : -1;
		store_row_text(&rows, 2, &item->path, err);
		store_row_text(&rows, 3, &item->kind, err);
		store_row_text(&rows, 4, &item->action, err);
		store_row_text(&rows, 7, &item->command, err);
		store_row_text(&rows, 8, &item->detail, err);
		if (!rows.failed &&
		    read_withdrawn(store, sqlite3_column_int64(statement, 0), item, err) != 0)
			rows.failed = true;
	}
	if (rows.failed) {
		matr_store_violations_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}
