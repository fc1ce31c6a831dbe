/* result.c - the rows of a query. */
#include "sql/result.h"

#include "common/screen.h"

#include <stdlib.h>
#include <string.h>

static struct render_value value_of(sqlite3_stmt *statement, int column)
{
	/* SQLite may convert the value when its text is asked for: its type comes first. */
	int type = sqlite3_column_type(statement, column);
	struct render_value value = {.type = VALUE_TEXT};

	if (type == SQLITE_NULL)
		return (struct render_value){.type = VALUE_NULL};
	if (type == SQLITE_BLOB) {
		value.type = VALUE_BLOB;
		value.bytes = sqlite3_column_blob(statement, column);
	} else {
		value.bytes = (const char *)sqlite3_column_text(statement, column);
	}
	value.size = value.bytes ? (size_t)sqlite3_column_bytes(statement, column) : 0;
	if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		value.type = VALUE_NUMBER;
	/* JSON has no infinity */
	if (type == SQLITE_FLOAT && strstr(value.bytes, "Inf"))
		value.json = *value.bytes == '-' ? "-1e999" : "1e999";
	return value;
}

static int show_rows(struct render *render, sqlite3_stmt *statement,
		     const struct render_column *columns, int n, int result)
{
	render_begin(render, columns, (size_t)n);
	for (; result == SQLITE_ROW; result = sqlite3_step(statement)) {
		for (int i = 0; i < n; i++) {
			const struct render_value value = value_of(statement, i);
			render_value(render, &value);
		}
		if (screen_is_left()) { /* nothing reads the rest */
			result = SQLITE_DONE;
			break;
		}
		if (render_is_stuck(render))
			return -1;
	}
	return render_end(render) != 0 ? -1 : result;
}

int result_show(struct render *render, sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement), n = sqlite3_column_count(statement);

	/* A query that fails before its first row shows no empty table. */
	if (n == 0 || (result != SQLITE_ROW && result != SQLITE_DONE))
		return result;
	struct render_column *columns = calloc((size_t)n, sizeof *columns);
	if (!columns)
		return SQLITE_NOMEM;
	for (int i = 0; i < n; i++)
		columns[i].name = sqlite3_column_name(statement, i);
	result = show_rows(render, statement, columns, n, result);
	free(columns);
	return result;
}
