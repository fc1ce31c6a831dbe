/* export.h - what `matr export` is asked for. */
#ifndef MATR_TOOLS_EXPORT_EXPORT_H
#define MATR_TOOLS_EXPORT_EXPORT_H

#include <stdbool.h>

#include <matr/error.h>

#include "matr/export/schema.h"

enum export_format {
	EXPORT_JSONL,
	EXPORT_CSV,
	EXPORT_SQL,
	EXPORT_SQLITE,
	EXPORT_FORMATS,
};

/* Write the rows of a source in a format to FILE, or to standard output for "-". */
struct export_write {
	enum export_format format;
	unsigned tables;
	bool zstd;
	const char *file;
};
int export_write(const struct export_source *source, const struct export_write *write,
		 struct matr_error *err);

/* Parse a list of table names, separated by commas. NULL means all tables.
 * Returns a bit for each table, 0 if a name is not a table's. */
unsigned export_tables_of(const char *names);

#endif
