/* connection.h - what the tables of one connection share.
 *
 * The code is compiled twice: for libmatr-sql, which calls SQLite directly (SQLITE_CORE), and for
 * the extension matr.so, which calls the SQLite that loads it through the table of functions it
 * hands over.
 */
#ifndef MATR_SQL_CONNECTION_H
#define MATR_SQL_CONNECTION_H

#include <sqlite3ext.h>

#include <matr/sql.h>

#ifndef SQLITE_CORE
extern const sqlite3_api_routines *sqlite3_api;
#endif

struct file_set;
struct mapping_store;
struct row_cache;
struct warnings;

/* One per connection; every module and function registered holds a reference. */
struct matr_sql {
	unsigned references;
	/* Free it and what it holds, after the last reference. */
	void (*free)(struct matr_sql *sql);
	sqlite3 *db;
	char *prefix; /* NULL: the system's */
	int64_t epoch;
	const struct matr_store_copy *copy; /* NULL: the prefix's store */
	struct file_set *files;
	struct warnings *warnings;
	struct row_cache *cache; /* NULL: none */
	/* A statement that is run opens cursors, and closes them at its end. Files are taken to
	 * be as they were while any cursor is open: `generation` counts the times when there
	 * was none. */
	unsigned open_cursors;
	uint64_t generation;
	struct mapping_store *mapping; /* what the tables of the mapping read */
};

struct matr_sql *sql_hold(struct matr_sql *sql);
void sql_release(void *sql); /* as SQLite calls destructors */

/* Pass on a warning, unless the same was given before. */
void sql_warn(struct matr_sql *sql, const struct matr_error *warning);

/* Fill *err from the connection's last error; -1. */
int sql_fail(sqlite3 *db, struct matr_error *err);

#endif
