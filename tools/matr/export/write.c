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

/* A part of the source that is written. Its first row lists the tables, its last one has the number
 * of rows. */
struct part {
	const struct export_sink *sink;
	unsigned tables;
	int64_t rows;
	struct text names;
};

static int part_row(void *context, enum export_table table, const struct export_value *values,
		    struct matr_error *err)
{
	struct part *part = context;
	struct export_value changed[EXPORT_COLUMNS_MAX];

	if (table != EXPORT_EXPORT && table != EXPORT_END) {
		part->rows++;
		return part->sink->row(part->sink->context, table, values, err);
	}
	memcpy(changed, values, (size_t)export_schemas[table].n_columns * sizeof *values);
	if (table == EXPORT_EXPORT && (part->tables | always) != EXPORT_ALL_TABLES) {
		for (int i = EXPORT_EXPORT + 1; i < EXPORT_END; i++)
			if (part->tables & 1U << i)
				text_printf(&part->names, "%s%s", part->names.size ? "," : "",
					    export_schemas[i].name);
		if (part->names.failed)
			return matr_fail_memory(err);
		changed[export_column(table, "tables")] = (struct export_value){
			.text = text_string(&part->names), .size = part->names.size};
	}
	if (table == EXPORT_END)
		changed[export_column(table, "rows")].number = part->rows;
	part->rows++;
	return part->sink->row(part->sink->context, table, changed, err);
}

static int write_rows(const struct export_source *source, unsigned tables,
		      const struct export_sink *sink, struct matr_error *err)
{
	struct part part = {.sink = sink, .tables = tables};
	const struct export_sink of_part = {part_row, &part};
	int result = source->rows(source->context, tables, NULL, NULL, &of_part, err);

	text_free(&part.names);
	return result;
}

static int write_csv_files(const struct export_source *source, const struct export_write *write,
			   struct matr_error *err)
{
	struct export_csv_files *files = NULL;
	int result = export_csv_files_open(write->file, write->tables | always, write->zstd, &files,
					   err);

	if (result == 0) {
		const struct export_sink sink = {export_csv_files_row, files};
		result = write_rows(source, write->tables, &sink, err);
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
		result = write_rows(source, write->tables, &sink, err);
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
	int result = write_rows(source, write->tables, &sinks[write->format], err);

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
