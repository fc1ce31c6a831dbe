/* sql.h - tables and functions over ELF files and over the mapping store, for any SQLite connection.
 *
 * Everything is a virtual table: nothing is copied into the database, a query reads what it needs
 * from the ELF files and from the store. docs/sql.md describes every table. This header belongs to
 * libmatr-sql, which needs more libraries (libdw, capstone) than the rest of MatR; the same code is
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

	/* A copy of that store (matr/store.h), for who may not read it himself. It is not copied again: it has to live
	 * as long as the connection. NULL: the store itself. */
	const struct matr_store_copy *copy;

	/* What the tables of ELF files are about: ELF files, and directories that are walked
	 * (regular files, symbolic links in them are not followed). With no files at all a query
	 * has to say which: elf_symbols('/bin/ls'), or WHERE path = '/bin/ls'. */
	const char *const *files;
	size_t n_files;
	bool recursive; /* and the libraries of the files, found as ld.so would find them */

	const char *cache; /* an SQLite database in which rows are kept and found again as long as
	                      a file is the same; created where missing; NULL: no such copy */

	/* Told once per file and reason why a file gives no rows (or no more) in a table. The error is
	 * only valid during the call. NULL: a line on standard error, "matr: FILE: MESSAGE". */
	void (*warn)(void *context, const struct matr_error *warning);
	void *warn_context;
};

/* Add all tables and functions to a connection. Options and strings in them are copied; options may
 * be NULL. What is registered goes with the connection. On an error some tables may be registered;
 * the connection should be closed.
 * Errors: MEMORY, STORE (SQLite's message), what opening the cache gives. Files are looked at by
 * queries only, and so is the store: that there is none is no error here. */
MATR_API int matr_sql_register(struct sqlite3 *db, const struct matr_sql_options *options,
			       struct matr_error *err);

/* What .schema shows: the CREATE TABLE of table number i, a comment behind every column, the ELF tables
 * first, then those of the mapping. To be freed with sqlite3_free(). NULL: there are no more, or no
 * memory. */
MATR_API char *matr_sql_schema(size_t i);

#ifdef __cplusplus
}
#endif

#endif
