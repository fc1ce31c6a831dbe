/* text_formats.c - JSON lines, SQL statements, and CSV of one table. */
#include "matr/export/sinks.h"

#include <stdio.h>
#include <string.h>

#include "common/safe.h"

/* Rows of an INSERT: few enough for every database's limits. */
enum { ROWS_OF_INSERT = 200 };

static int write_line(struct export_text *text, struct matr_error *err)
{
	if (text->line.failed || text->scratch.failed)
		return matr_fail_memory(err);
	int result = export_out_write(text->out, text_string(&text->line), text->line.size, err);
	text_clear(&text->line);
	return result;
}

static void add_number(struct text *text, int64_t number)
{
	char digits[24];
	char *at = digits + sizeof digits;
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (number < 0)
		*--at = '-';
	text_add(text, at, (size_t)(digits + sizeof digits - at));
}

int export_jsonl_row(void *context, enum export_table table, const struct export_value *values,
		     struct matr_error *err)
{
	struct export_text *text = context;
	const struct export_schema *schema = &export_schemas[table];

	text_add_string(&text->line, "{\"table\":\"");
	text_add_string(&text->line, schema->name);
	text_add(&text->line, "\"", 1);
	for (int i = 0; i < schema->n_columns; i++) {
		text_add(&text->line, ",\"", 2);
		text_add_string(&text->line, schema->columns[i].name);
		text_add(&text->line, "\":", 2);
		if (values[i].is_null)
			text_add(&text->line, "null", 4);
		else if (values[i].text)
			text_add_json_string(&text->line, values[i].text, values[i].size);
		else
			add_number(&text->line, values[i].number);
	}
	text_add(&text->line, "}\n", 2);
	return write_line(text, err);
}

/* ---- CSV ---- */

int export_csv_header(struct export_csv *csv, struct matr_error *err)
{
	const struct export_schema *schema = &export_schemas[csv->only];

	for (int i = 0; i < schema->n_columns; i++) {
		if (i)
			text_add(&csv->text.line, ",", 1);
		text_add_string(&csv->text.line, schema->columns[i].name);
	}
	text_add(&csv->text.line, "\r\n", 2);
	csv->text.begun = true;
	return write_line(&csv->text, err);
}

int export_csv_row(void *context, enum export_table table, const struct export_value *values,
		   struct matr_error *err)
{
	struct export_csv *csv = context;
	struct text *line = &csv->text.line;
	const char *bytes;
	size_t size;

	if (!csv->text.begun && export_csv_header(csv, err) != 0)
		return -1;
	if (table != csv->only)
		return 0;
	for (int i = 0; i < export_schemas[table].n_columns; i++) {
		if (i)
			text_add(line, ",", 1);
		if (values[i].is_null)
			continue;
		if (!values[i].text) {
			add_number(line, values[i].number);
			continue;
		}
		export_portable(&values[i], &csv->text.scratch, &bytes, &size);
		text_add_csv(line, bytes, size, size == 0); /* an empty string is not null */
	}
	text_add(line, "\r\n", 2);
	return write_line(&csv->text, err);
}

/* ---- SQL ---- */

void export_add_schema(struct text *text, unsigned tables, bool if_not_there)
{
	for (int table = 0; table < EXPORT_TABLES; table++) {
		const struct export_schema *schema = &export_schemas[table];
		if (!(tables & 1U << table))
			continue;
		text_printf(text, "CREATE TABLE %s\"%s\" (", if_not_there ? "IF NOT EXISTS " : "",
			    schema->name);
		for (int i = 0; i < schema->n_columns; i++)
			text_printf(text, "%s\n  \"%s\" %s%s", i ? "," : "",
				    schema->columns[i].name,
				    schema->columns[i].is_text ? "TEXT" : "BIGINT",
				    schema->columns[i].may_be_null ? "" : " NOT NULL");
		text_printf(text, ",\n  PRIMARY KEY (%s))%s;\n", schema->key,
			    if_not_there ? "" : " WITHOUT ROWID");
	}
	const unsigned named = 1U << EXPORT_OBJECTS | 1U << EXPORT_BINDINGS;
	if ((tables & named) == named && !if_not_there)
		text_add_string(text,
				"CREATE VIEW binding_names AS SELECT b.host, b.epoch,"
				" r.path AS requester, b.symbol, b.version, p.path AS provider\n"
				"  FROM bindings b\n"
				"  JOIN objects r ON r.host = b.host AND r.epoch = b.epoch"
				" AND r.id = b.requester\n"
				"  JOIN objects p ON p.host = b.host AND p.epoch = b.epoch"
				" AND p.id = b.provider;\n");
}

static void add_sql(struct text *line, const char *bytes, size_t size)
{
	text_add(line, "'", 1);
	for (size_t at = 0; at < size;) {
		const char *quote = memchr(bytes + at, '\'', size - at);
		size_t part = quote ? (size_t)(quote - bytes) - at + 1 : size - at;
		text_add(line, bytes + at, part);
		if (quote)
			text_add(line, "'", 1);
		at += part;
	}
	text_add(line, "'", 1);
}

static void begin_sql(struct export_text *text)
{
	text_add_string(&text->line, "BEGIN;\n");
	export_add_schema(&text->line, EXPORT_ALL_TABLES, true);
	text->begun = true;
}

int export_sql_row(void *context, enum export_table table, const struct export_value *values,
		   struct matr_error *err)
{
	struct export_text *text = context;
	const char *bytes;
	size_t size;

	if (!text->begun)
		begin_sql(text);
	if (text->in_statement == ROWS_OF_INSERT || (text->in_statement && text->table != table)) {
		text_add_string(&text->line, ";\n");
		text->in_statement = 0;
	}
	text->table = table;
	if (text->in_statement++)
		text_add_string(&text->line, ",\n");
	else
		text_printf(&text->line, "INSERT INTO \"%s\" VALUES\n", export_schemas[table].name);
	for (int i = 0; i < export_schemas[table].n_columns; i++) {
		text_add(&text->line, i ? "," : "(", 1);
		if (values[i].is_null) {
			text_add(&text->line, "NULL", 4);
		} else if (!values[i].text) {
			add_number(&text->line, values[i].number);
		} else {
			export_portable(&values[i], &text->scratch, &bytes, &size);
			add_sql(&text->line, bytes, size);
		}
	}
	text_add(&text->line, ")", 1);
	if (table == EXPORT_END)
		text_add_string(&text->line, ";\nCOMMIT;\n");
	return write_line(text, err);
}

void export_text_free(struct export_text *text)
{
	text_free(&text->line);
	text_free(&text->scratch);
}
