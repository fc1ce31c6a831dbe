/* write.c - the rows of a source in a format. */
#include "matr/export/export.h"

#include <string.h>

#include "matr/export/sinks.h"

static const unsigned always = 1U << EXPORT_EXPORT | 1U << EXPORT_END;

unsigned export_tables_of(const char *names)
{
	unsigned tables = 0;

	if (!names)
		return EXPORT_ALL_TABLES;
	while (*names) {
		size_t length = strcspn(names, ",");
		enum export_table table = export_table_named(names, length);
		if (table == EXPORT_TABLES)
			return 0;
		tables |= 1U << table;
		names += length;
		names += *names == ',';
	}
	return tables;
}

/* CSV of a single table may go anywhere. */
static enum export_table only_table(unsigned tables)
{
	for (int table = 0; table < EXPORT_TABLES; table++)
		if (tables == 1U << table)
			return (enum export_table)table;
	return EXPORT_TABLES;
}

static int write_csv_files(const struct export_source *source, const struct export_write *write,
			   struct matr_error *err)
{
	struct export_csv_files *files = NULL;
	int result = export_csv_files_open(write->file, write->tables | always, write->zstd, &files,
					   err);

	if (result == 0) {
		const struct export_sink sink = {export_csv_files_row, files};
		result = source->rows(source->context, write->tables, NULL, NULL, &sink, err);
	}
	if (result == 0)
		result = export_csv_files_finish(files, err);
	export_csv_files_free(files);
	return result;
}

static int write_sqlite(const struct export_source *source, const struct export_write *write,
			struct export_out *out, struct matr_error *err)
{
	struct export_sqlite *sqlite = NULL;
	int result = export_sqlite_open(write->tables | always, &sqlite, err);

	if (result == 0) {
		const struct export_sink sink = {export_sqlite_row, sqlite};
		result = source->rows(source->context, write->tables, NULL, NULL, &sink, err);
	}
	if (result == 0)
		result = export_sqlite_finish(sqlite, out, err);
	export_sqlite_free(sqlite);
	return result;
}

static int write_text(const struct export_source *source, const struct export_write *write,
		      struct export_out *out, struct matr_error *err)
{
	struct export_csv csv = {.text = {.out = out}, .only = only_table(write->tables)};
	const struct export_sink sinks[EXPORT_FORMATS] = {
		[EXPORT_JSONL] = {export_jsonl_row, &csv.text},
		[EXPORT_SQL] = {export_sql_row, &csv.text},
		[EXPORT_CSV] = {export_csv_row, &csv},
	};
	int result = source->rows(source->context, write->tables, NULL, NULL, &sinks[write->format],
				  err);

	export_text_free(&csv.text);
	return result;
}

int export_write(const struct export_source *source, const struct export_write *write,
		 struct matr_error *err)
{
	struct export_out out;

	if (write->format == EXPORT_CSV && only_table(write->tables) == EXPORT_TABLES) {
		if (strcmp(write->file, "-") == 0)
			return matr_fail(err, MATR_ERROR_USAGE, NULL,
					 "CSV of several tables goes to a directory: give -o "
					 "DIRECTORY, or --tables TABLE");
		return write_csv_files(source, write, err);
	}
	int result = export_out_open(&out, write->file, write->zstd, err);
	if (result == 0)
		result = write->format == EXPORT_SQLITE ? write_sqlite(source, write, &out, err)
							: write_text(source, write, &out, err);
	if (result == 0)
		result = export_out_finish(&out, err);
	export_out_close(&out);
	return result;
}
