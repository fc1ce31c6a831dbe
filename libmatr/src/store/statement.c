/* statement.c - what all of the store stands on: SQLite statements, their rows, and SQLite's
 * errors. */
#include "store/statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

int store_fail(struct matr_store *store, struct matr_error *err)
{
	int code = store->db ? sqlite3_extended_errcode(store->db) : SQLITE_NOMEM;
	const char *message = store->db ? sqlite3_errmsg(store->db) : "out of memory";

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return matr_fail_memory(err);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return matr_fail(err, MATR_ERROR_MALFORMED, store->path, "damaged store: %s",
				 message);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return matr_fail(err, MATR_ERROR_BUSY, store->path, "%s", message);
	case SQLITE_IOERR: {
		/* Add the system call's error: SQLite's "disk I/O error" is too general. */
		int system = sqlite3_system_errno(store->db);
		return matr_fail(err, MATR_ERROR_STORE, store->path, "%s%s%s", message,
				 system ? ": " : "", system ? strerror(system) : "");
	}
	default:
		return matr_fail(err, MATR_ERROR_STORE, store->path, "%s", message);
	}
}

int store_damaged(struct matr_store *store, struct matr_error *err, const char *what)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, store->path, "damaged store: %s", what);
}

/* ---- statements ---- */

sqlite3_stmt *store_statement(struct matr_store *store, const char *sql, struct matr_error *err)
{
	uint64_t known;
	sqlite3_stmt *statement;

	if (map_get(&store->statements, (uintptr_t)sql, &known)) {
		statement = (sqlite3_stmt *)(uintptr_t)known;
		sqlite3_reset(statement);
		sqlite3_clear_bindings(statement);
		return statement;
	}
	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
	    SQLITE_OK) {
		store_fail(store, err);
		return NULL;
	}
	if (map_set(&store->statements, (uintptr_t)sql, (uintptr_t)statement) != 0) {
		sqlite3_finalize(statement);
		matr_fail_memory(err);
		return NULL;
	}
	return statement;
}

sqlite3_stmt *store_statement_for(struct matr_store *store, const char *sql, int64_t id,
				  struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(store, sql, err);

	if (statement)
		store_bind(statement, 1, id);
	return statement;
}

int store_step(struct matr_store *store, sqlite3_stmt *statement, struct matr_error *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(statement);
		return 0;
	default:
		store_fail(store, err);
		sqlite3_reset(statement);
		return -1;
	}
}

int store_execute(struct matr_store *store, sqlite3_stmt *statement, struct matr_error *err)
{
	return store_step(store, statement, err) < 0 ? -1 : 0;
}

int store_step_id(struct matr_store *store, sqlite3_stmt *statement, int64_t *id,
		  struct matr_error *err)
{
	*id = 0;
	if (!statement)
		return -1;
	int found = store_step(store, statement, err);
	if (found > 0)
		*id = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return found;
}

int store_find_id(struct matr_store *store, const char *sql, int64_t first, int64_t second,
		  int64_t *id, struct matr_error *err)
{
	sqlite3_stmt *row = store_statement_for(store, sql, first, err);

	if (row)
		store_bind(row, 2, second);
	return store_step_id(store, row, id, err);
}

int store_find_by_hash(struct matr_store *store, const char *sql, const uint8_t *hash, int64_t *id,
		       struct matr_error *err)
{
	sqlite3_stmt *select = store_statement(store, sql, err);

	if (!select)
		return -1;
	sqlite3_bind_blob(select, 1, hash, MATR_HASH_SIZE, SQLITE_STATIC);
	return store_step_id(store, select, id, err);
}

void store_bind(sqlite3_stmt *statement, int parameter, int64_t value)
{
	sqlite3_bind_int64(statement, parameter, value);
}

void store_bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
	sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

int store_column_text(sqlite3_stmt *statement, int column, char **out, struct matr_error *err)
{
	*out = NULL;
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return 0;
	const unsigned char *text = sqlite3_column_text(statement, column);
	*out = text ? strdup((const char *)text) : NULL;
	return *out ? 0 : matr_fail_memory(err);
}

struct matr_file_id store_column_file_id(sqlite3_stmt *statement, int first)
{
	return (struct matr_file_id){
		.device = (uint64_t)sqlite3_column_int64(statement, first),
		.inode = (uint64_t)sqlite3_column_int64(statement, first + 1),
		.size = (uint64_t)sqlite3_column_int64(statement, first + 2),
		.mtime = sqlite3_column_int64(statement, first + 3),
		.ctime = sqlite3_column_int64(statement, first + 4),
	};
}

int store_run_sql(struct matr_store *store, const char *sql, struct matr_error *err)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(store, err);
	return 0;
}

void store_forget_statements(struct matr_store *store)
{
	for (size_t i = 0; i < store->statements.room; i++)
		if (store->statements.entries[i].used)
			sqlite3_finalize(
				(sqlite3_stmt *)(uintptr_t)store->statements.entries[i].value);
	map_free(&store->statements);
}

/* ---- rows ---- */

struct store_rows store_rows(struct matr_store *store, sqlite3_stmt *statement, size_t element)
{
	return (struct store_rows){
		.store = store,
		.statement = statement,
		.element = element,
		.failed = !statement,
	};
}

void *store_next_row(struct store_rows *rows, struct matr_error *err)
{
	if (rows->failed) {
		sqlite3_reset(rows->statement); /* NULL is allowed */
		return NULL;
	}
	int more = store_step(rows->store, rows->statement, err);
	if (more > 0 && array_grow(&rows->items, rows->n, rows->element, err) != 0) {
		sqlite3_reset(rows->statement);
		more = -1;
	}
	rows->failed = more < 0;
	if (more <= 0)
		return NULL;
	void *item = (char *)rows->items + rows->n++ * rows->element;
	return memset(item, 0, rows->element);
}

void store_row_text(struct store_rows *rows, int column, char **out, struct matr_error *err)
{
	if (rows->failed)
		*out = NULL;
	else
		rows->failed = store_column_text(rows->statement, column, out, err) != 0;
}

int store_rows_of_ids(struct matr_store *store, sqlite3_stmt *statement, int64_t **out, size_t *n,
		      struct matr_error *err)
{
	int64_t *item;
	struct store_rows rows = store_rows(store, statement, sizeof *item);

	while ((item = store_next_row(&rows, err)) != NULL)
		*item = sqlite3_column_int64(statement, 0);
	if (rows.failed) {
		free(rows.items);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

int store_rows_of_text(struct matr_store *store, sqlite3_stmt *statement, char ***out, size_t *n,
		       struct matr_error *err)
{
	char **item;
	struct store_rows rows = store_rows(store, statement, sizeof *item);

	while ((item = store_next_row(&rows, err)) != NULL) {
		store_row_text(&rows, 0, item, err);
		if (!rows.failed && !*item) {
			store_damaged(store, err, "a text is missing");
			rows.failed = true;
		}
	}
	if (rows.failed) {
		char **list = rows.items;
		for (size_t i = 0; i < rows.n; i++)
			free(list[i]);
		free(list);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}
