/* row_cache.h - rows kept in a database on disk, for as long as the file they are from is the
 * same. */
#ifndef MATR_SQL_ROW_CACHE_H
#define MATR_SQL_ROW_CACHE_H

#include "sql/vtab/row_source.h"

struct row_cache;

/* Adds the tables of ELF files to a connection: matr_sql_register(). */
typedef int row_cache_register(sqlite3 *db, const struct matr_sql_options *options,
			       struct matr_error *err);

/* Open the database, or make it. */
int row_cache_open(const char *path, row_cache_register *add_tables, struct row_cache **out,
		   struct matr_error *err);
void row_cache_close(struct row_cache *cache); /* NULL is allowed */

/* Find the rows of the file at `path` that pass the filter; on the first call read and keep them.
 * Returns 1 if the rows are kept, with *out before the first one (row_cache_column() gives the
 * order of the columns). Returns 0 if they are not kept (the table is not worth it, the file is
 * bad, ...): read the file. Returns -1 on an error of the cache; read the file then too. */
int row_cache_rows(struct row_cache *cache, const struct row_source *source, const char *path,
		   const struct filter *filter, sqlite3_stmt **out, struct matr_error *err);
enum { ROW_CACHE_NUMBER = 1 }; /* the column of *out with the number of the row */
/* The column of *out that has the table's column i. */
int row_cache_column(const struct row_source *source, int i);
void row_cache_done(struct row_cache *cache, sqlite3_stmt *rows); /* NULL is allowed */

#endif
