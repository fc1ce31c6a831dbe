/* mapping_query.c - the tables that are a query over the store's own: epochs, applications, objects,
 * needed, scopes, violations, declined.
 *
 * A constraint on a column becomes one of the inner query, and columns that nobody wants become NULL,
 * so that SQLite's own planner, with the store's indices, does the work. A query names its columns c0,
 * c1, ... and r, the row id, which has to be the same whatever the constraints are; ?1 and ?2 are the
 * first and the last epoch selected.
 */
#include "mapping_table.h"

#include <stdlib.h>
#include <string.h>

struct query_cursor {
	sqlite3_vtab_cursor base;
	sqlite3_stmt *rows;
	bool entered, done;
};

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct query_cursor *cursor = calloc(1, sizeof *cursor);

	(void)table;
	if (!cursor)
		return SQLITE_NOMEM;
	*out = &cursor->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct query_cursor *cursor = (struct query_cursor *)base;

	sqlite3_finalize(cursor->rows);
	if (cursor->entered)
		mapping_store_leave(((struct mapping_table *)base->pVtab)->store);
	free(cursor);
	return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
	struct query_cursor *cursor = (struct query_cursor *)base;
	struct mapping_table *table = (struct mapping_table *)base->pVtab;
	struct matr_error err;

	int more = mapping_step(table->store, cursor->rows, &err);
	cursor->done = more <= 0;
	return more < 0 ? mapping_report(base->pVtab, &err) : SQLITE_OK;
}

static char *inner_query(const struct mapping_schema *schema, const struct mapping_terms *terms)
{
	sqlite3_str *text = sqlite3_str_new(NULL);

	sqlite3_str_appendall(text, "SELECT ");
	for (int i = 0; i < schema->n_columns; i++)
		if (terms->columns & UINT64_C(1) << i)
			sqlite3_str_appendf(text, "%sc%d", i ? ", " : "", i);
		else
			sqlite3_str_appendf(text, "%sNULL", i ? ", " : "");
	sqlite3_str_appendf(text, ", r FROM (%s)", schema->query);
	for (int i = 0; i < terms->n; i++) {
		const char *operator= "=";
		switch (terms->list[i].operator) {
		case '<':
			operator= "<";
			break;
		case '{':
			operator= "<=";
			break;
		case '>':
			operator= ">";
			break;
		case '}':
			operator= ">=";
			break;
		case '~':
			operator= "LIKE";
			break;
		case '*':
			operator= "GLOB";
			break;
		default:
			break;
		}
		sqlite3_str_appendf(text, " %s c%d %s ?%d", i ? "AND" : "WHERE",
				    terms->list[i].column, operator, i + 3);
	}
	return sqlite3_str_finish(text);
}

static void bind_term(sqlite3_stmt *statement, int parameter, sqlite3_value *value)
{
	/* Not sqlite3_bind_value(): the values belong to another connection. */
	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		sqlite3_bind_int64(statement, parameter, sqlite3_value_int64(value));
		break;
	case SQLITE_FLOAT:
		sqlite3_bind_double(statement, parameter, sqlite3_value_double(value));
		break;
	default:
		sqlite3_bind_text(statement, parameter, (const char *)sqlite3_value_text(value), -1,
				  SQLITE_TRANSIENT);
		break;
	}
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
		  sqlite3_value **argv)
{
	struct query_cursor *cursor = (struct query_cursor *)base;
	struct mapping_table *table = (struct mapping_table *)base->pVtab;
	struct mapping_terms terms;
	struct matr_error err;

	(void)number;
	if (!cursor->entered) {
		if (mapping_store_enter(table->store, &err) != 0)
			return mapping_report(base->pVtab, &err);
		cursor->entered = true;
	}
	if (mapping_terms(table->schema, plan, argc, argv, &terms) != 0)
		return SQLITE_NOMEM;
	char *text = inner_query(table->schema, &terms);
	if (!text) {
		mapping_terms_free(&terms);
		return SQLITE_NOMEM;
	}
	if (cursor->rows && strcmp(sqlite3_sql(cursor->rows), text) == 0) {
		sqlite3_reset(cursor->rows);
	} else {
		sqlite3_finalize(cursor->rows);
		cursor->rows = mapping_prepare(table->store, text, &err);
	}
	sqlite3_free(text);
	if (cursor->rows) {
		sqlite3_bind_int64(cursor->rows, 1, table->store->first);
		sqlite3_bind_int64(cursor->rows, 2, table->store->last);
		for (int i = 0; i < terms.n; i++)
			bind_term(cursor->rows, i + 3, terms.list[i].value);
	}
	mapping_terms_free(&terms);
	if (!cursor->rows)
		return mapping_report(base->pVtab, &err);
	return next_row(base);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return ((struct query_cursor *)base)->done;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int i)
{
	sqlite3_stmt *rows = ((struct query_cursor *)base)->rows;

	switch (sqlite3_column_type(rows, i)) {
	case SQLITE_INTEGER:
		sqlite3_result_int64(context, sqlite3_column_int64(rows, i));
		break;
	case SQLITE_TEXT:
		sqlite3_result_text(context, (const char *)sqlite3_column_text(rows, i),
				    sqlite3_column_bytes(rows, i), SQLITE_TRANSIENT);
		break;
	default:
		break;
	}
	return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	const struct mapping_table *table = (const struct mapping_table *)base->pVtab;

	*out = sqlite3_column_int64(((struct query_cursor *)base)->rows, table->schema->n_columns);
	return SQLITE_OK;
}

const sqlite3_module mapping_query_module = {
	.iVersion = 1,
	.xCreate = mapping_connect,
	.xConnect = mapping_connect,
	.xBestIndex = mapping_best_index,
	.xDisconnect = mapping_disconnect,
	.xDestroy = mapping_disconnect,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = filter,
	.xNext = next_row,
	.xEof = at_end,
	.xColumn = column,
	.xRowid = row_id,
};
