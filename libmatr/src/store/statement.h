/* statement.h - the ground of the store: its handle, SQLite statements, their rows, and
 * errors.
 *
 * Only store/ includes this. Other folders call functions that are named for what they need, so
 * that a change to the tables concerns this folder alone (and sql/, whose tables show them).
 */
#ifndef MATR_STORE_STATEMENT_H
#define MATR_STORE_STATEMENT_H

#include <matr/store.h>
#include <sqlite3.h>

#include "base/blake2b.h"
#include "base/map.h"

struct matr_store {
	sqlite3 *db;
	char *path;
	bool has_orphans;      /* records of applications that may belong to no epoch any more */
	struct map statements; /* SQL text (address) -> sqlite3_stmt *, prepared on first use */
	struct map ids;	       /* object being written (address) -> row id */
	struct map loaded;     /* row id -> struct matr_object * read back */
	int compression_level; /* zstd's */
	struct ZSTD_DCtx_s *decompression; /* made on first use */
	uint8_t *viewed;		   /* contents of the blob that was viewed last */
	size_t viewed_room;
	struct matr_store_copy copy; /* the bytes that db is made of; none if it is made of files */
};

/* ---- statements ---- */

/* Returns the statement for `sql`, reset and with all parameters NULL; NULL on error. It is kept
 * until the store is closed and found again by the text's address, so sql must be a string
 * literal. */
sqlite3_stmt *store_statement(struct matr_store *store, const char *sql, struct matr_error *err);

/* The same with the first parameter bound to an id. */
sqlite3_stmt *store_statement_for(struct matr_store *store, const char *sql, int64_t id,
				  struct matr_error *err);

/* Step to the next row. Returns 1 for a row, 0 at the end, -1 on error. */
int store_step(struct matr_store *store, sqlite3_stmt *statement, struct matr_error *err);

/* Step a statement that gives no rows. */
int store_execute(struct matr_store *store, sqlite3_stmt *statement, struct matr_error *err);

/* Step a statement that gives one row at most, get its first column as an id, and reset it. Returns
 * 1 if there is a row, 0 if not (*id is 0), -1 on error. NULL: the statement has failed. */
int store_step_id(struct matr_store *store, sqlite3_stmt *statement, int64_t *id,
		  struct matr_error *err);

/* Get the id that `sql`, a literal with two parameters, gives for two numbers. Returns 1 if found,
 * 0 if not (*id is 0), -1 on error. */
int store_find_id(struct matr_store *store, const char *sql, int64_t first, int64_t second,
		  int64_t *id, struct matr_error *err);

/* Get the id that `sql`, a literal with one parameter, gives for a content hash. Returns 1 if
 * found, 0 if not, -1 on error. */
int store_find_by_hash(struct matr_store *store, const char *sql, const uint8_t *hash, int64_t *id,
		       struct matr_error *err);

/* Run SQL without parameters or results. */
int store_run_sql(struct matr_store *store, const char *sql, struct matr_error *err);

/* Bind parameters. Text and blobs must live until the statement is stepped, which is when errors
 * show. text may be NULL. */
void store_bind(sqlite3_stmt *statement, int parameter, int64_t value);
void store_bind_text(sqlite3_stmt *statement, int parameter, const char *text);

/* Copy a text column: *out: free(); NULL if the column is NULL. */
int store_column_text(sqlite3_stmt *statement, int column, char **out, struct matr_error *err);

/* Read the file id in the five columns from `first` on: device, inode, size, mtime, ctime. */
struct matr_file_id store_column_file_id(sqlite3_stmt *statement, int first);

/* Finalise all statements, before the connection is closed. */
void store_forget_statements(struct matr_store *store);

/* ---- errors, always -1 ---- */

/* Report SQLite's last error with the code that fits. */
int store_fail(struct matr_store *store, struct matr_error *err);

/* Report contents that are not valid. */
int store_damaged(struct matr_store *store, struct matr_error *err, const char *what);

/* ---- rows ---- */

/* Rows on their way into an array:
 *
 *	struct store_rows rows = store_rows(store, statement, sizeof *item);
 *	while ((item = store_next_row(&rows, err)) != NULL)
 *		item->number = sqlite3_column_int64(statement, 0);
 *
 * The caller then owns items, also after a failure. */
struct store_rows {
	struct matr_store *store;
	sqlite3_stmt *statement;
	size_t element, n;
	void *items;
	bool failed; /* may be set by the caller: store_next_row() then ends */
};

/* statement: with its parameters bound; store_next_row() reads it to its end or resets it. NULL: it
 * has failed. */
struct store_rows store_rows(struct matr_store *store, sqlite3_stmt *statement, size_t element);

/* Returns the next row's element, all zero, or NULL. Invalidates pointers to earlier elements. */
void *store_next_row(struct store_rows *rows, struct matr_error *err);

/* Copy a text column of the row, as store_column_text() does. */
void store_row_text(struct store_rows *rows, int column, char **out, struct matr_error *err);

/* Read the first column of a statement as ids; *out: free(). As text, where NULL is damage; *out:
 * free each, then the list. statement as for store_rows(). */
int store_rows_of_ids(struct matr_store *store, sqlite3_stmt *statement, int64_t **out, size_t *n,
		      struct matr_error *err);
int store_rows_of_text(struct matr_store *store, sqlite3_stmt *statement, char ***out, size_t *n,
		       struct matr_error *err);

#endif
