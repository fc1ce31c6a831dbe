/* schema.c - the columns of a table, and its declaration. */
#include "sql/mapping/table.h"

#include <string.h>

const struct mapping_column *mapping_column_of(const struct mapping_schema *schema, int i)
{
	for (const struct mapping_column *const *part = schema->parts; *part; part++)
		for (const struct mapping_column *column = *part; column->name; column++)
			if (i-- == 0)
				return column;
	return NULL;
}

/* Add comment lines, all but the first with `indent` blanks before them. */
static void add_comment(sqlite3_str *text, const char *comment, int indent)
{
	for (;;) {
		int length = (int)strcspn(comment, "\n");
		sqlite3_str_appendf(text, "-- %.*s\n", length, comment);
		comment += length;
		if (!*comment++)
			return;
		sqlite3_str_appendchar(text, indent, ' ');
	}
}

static const char *type_name(const struct mapping_column *column)
{
	return column->type == 't' ? "TEXT" : "INTEGER";
}

char *mapping_declaration(const struct mapping_schema *schema)
{
	sqlite3_str *text = sqlite3_str_new(NULL);
	const struct mapping_column *column;
	int width = 0;

	for (int i = 0; (column = mapping_column_of(schema, i)) != NULL; i++) {
		int wanted = (int)(strlen(column->name) + strlen(type_name(column)));
		width = wanted > width ? wanted : width;
	}
	/* Two blanks, the name, a blank, the type, a comma, a blank. */
	const int indent = width + 5;
	sqlite3_str_appendf(text, "CREATE TABLE %s (\n  ", schema->name);
	add_comment(text, schema->about, 2);
	for (int i = 0; (column = mapping_column_of(schema, i)) != NULL; i++) {
		const char *comma = mapping_column_of(schema, i + 1) ? "," : "";
		int before = sqlite3_str_length(text);
		sqlite3_str_appendf(text, "  %s %s%s", column->name, type_name(column), comma);
		sqlite3_str_appendchar(text, before + indent - sqlite3_str_length(text), ' ');
		add_comment(text, column->about, indent);
	}
	sqlite3_str_appendchar(text, 1, ')');
	return sqlite3_str_finish(text);
}
