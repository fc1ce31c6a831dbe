/* sql.h - tables and functions over ELF files and over the mapping store, for any SQLite
 * connection.
 *
 * Everything is a virtual table: nothing is copied into the database, a query reads what it needs
 * from the ELF files and from the store. docs/sql.md describes every table. This header belongs to
 * libmatr-sql, which needs more libraries (libdw, capstone) than the rest of MatR. The same code is
 * the loadable extension matr.so.
 */
#ifndef MATR_SQL_H
#define MATR_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sqlite3;
struct matr_store_copy;

enum {				   /* instead of an epoch's id */
       MATR_SQL_EPOCH_CURRENT = 0, /* in force, else the newest */
       MATR_SQL_EPOCH_ALL = -1,
       MATR_SQL_EPOCH_PREVIOUS = -2, /* the one before the current one */
};

struct matr_sql_options {
	const char *prefix; /* whose store the tables of the mapping read; NULL: the system's */
	int64_t epoch;	    /* an id, or one of MATR_SQL_EPOCH_* */

	/* A copy of that store (matr/store.h), for users who may not read it. It must outlive the
	 * connection. NULL: the store itself. */
	const struct matr_store_copy *copy;

	/* The subject of the tables of ELF files: ELF files, and directories that are walked
	 * (regular files, symbolic links in them are not followed). Without files a query has to
	 * name them: elf_symbols('/bin/ls'), or WHERE path = '/bin/ls'. */
	const char *const *files;
	size_t n_files;
	bool recursive; /* and the libraries of the files, found as ld.so would find them */

	/* An SQLite database in which rows are kept, for as long as a file is the same. It is
	 * created if missing. NULL: rows are not kept. */
	const char *cache;

	/* Called once per file and reason why a file gives no rows (or no more) in a table. The
	 * error is only valid during the call. NULL: a line on standard error, "matr: FILE:
	 * MESSAGE". */
	void (*warn)(void *context, const struct matr_error *warning);
	void *warn_context;
};

/* Add all tables and functions to a connection. They go with it. Files and the store are read by
 * queries only: a missing store is no error here. On error some tables may be registered; close the
 * connection.
 * options: copied, with its strings; NULL for the defaults.
 * Errors: RESOURCES, STORE (SQLite's message), those of opening the cache. */
MATR_API int matr_sql_register(struct sqlite3 *db, const struct matr_sql_options *options,
			       struct matr_error *err);

/* Get the CREATE TABLE of table number i, as .schema shows it: the tables of ELF files first, then
 * those of the mapping, with a comment behind every column.
 * Returns NULL if there are no more tables, or no memory. The caller frees it: sqlite3_free(). */
MATR_API char *matr_sql_schema(size_t i);

#ifdef __cplusplus
}
#endif

#endif
