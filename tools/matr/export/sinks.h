/* sinks.h - what takes the rows of an export: one for each format. */
#ifndef MATR_TOOLS_EXPORT_SINKS_H
#define MATR_TOOLS_EXPORT_SINKS_H

#include "matr/export/out.h"
#include "matr/export/schema.h"

#include "common/text.h"

/* Formats that are text: the rows go to `out` as they come. */
struct export_text {
	struct export_out *out;
	struct text line, scratch;
	enum export_table table; /* of the row before */
	bool begun;
	int in_statement; /* sql: rows of the INSERT that is open */
};

int export_jsonl_row(void *text, enum export_table table, const struct export_value *values,
		     struct matr_error *err);
int export_sql_row(void *text, enum export_table table, const struct export_value *values,
		   struct matr_error *err);
/* A header, and rows of one table: those of other tables are passed over. */
struct export_csv {
	struct export_text text;
	enum export_table only;
};
int export_csv_row(void *csv, enum export_table table, const struct export_value *values,
		   struct matr_error *err);
/* The header, where no row may come. */
int export_csv_header(struct export_csv *csv, struct matr_error *err);
void export_text_free(struct export_text *text);

/* A file per table in a directory. */
struct export_csv_files;
int export_csv_files_open(const char *directory, unsigned tables, bool zstd,
			  struct export_csv_files **out, struct matr_error *err);
int export_csv_files_row(void *files, enum export_table table, const struct export_value *values,
			 struct matr_error *err);
int export_csv_files_finish(struct export_csv_files *files, struct matr_error *err);
void export_csv_files_free(struct export_csv_files *files); /* NULL is allowed */

/* An SQLite database in a file without a name, which is then copied to `out`. */
struct export_sqlite;
int export_sqlite_open(unsigned tables, struct export_sqlite **out, struct matr_error *err);
int export_sqlite_row(void *sqlite, enum export_table table, const struct export_value *values,
		      struct matr_error *err);
int export_sqlite_finish(struct export_sqlite *sqlite, struct export_out *out,
			 struct matr_error *err);
void export_sqlite_free(struct export_sqlite *sqlite); /* NULL is allowed */

/* Add CREATE TABLE statements.
 * if_not_there: for a database that other exports may be in, of SQLite or PostgreSQL; else for a
 * new one of SQLite, with a view. */
void export_add_schema(struct text *text, unsigned tables, bool if_not_there);

#endif
