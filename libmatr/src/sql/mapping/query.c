/* query.c - the tables that are a query over the store's own: epochs, applications, objects,
 * needed, scopes, closures, violations, declined.
 *
 * A constraint on a column becomes one of the inner query, and columns that are not wanted become
 * NULL, so that SQLite's own planner, with the store's indices, does the work. A query names its
 * columns c0, c1, ... and r, the row id, which has to be the same whatever the constraints are; ?1
 * and ?2 are the first and the last epoch selected.
 */
#include "sql/mapping/table.h"

#include <stdlib.h>
#include <string.h>

struct query_cursor {
	struct mapping_cursor base;
	sqlite3_stmt *rows;
};

/* Add one SELECT of the table's query; column number `other` (-1: none) is the expression `sql`. */
static void add_select(sqlite3_str *text, const struct mapping_schema *schema, const char *where,
		       int other, const char *sql)
{
	const struct mapping_column *column;

	sqlite3_str_appendall(text, "SELECT ");
	for (int i = 0; (column = mapping_column_of(schema, i)) != NULL; i++)
		sqlite3_str_appendf(text, "%s AS c%d, ", i == other ? sql : column->sql, i);
	sqlite3_str_appendf(text, "%s AS r %s", schema->number, schema->from);
	if (where)
		sqlite3_str_appendf(text, " AND %s", where);
}

static char *inner_query(const struct mapping_schema *schema, const struct mapping_terms *terms)
{
	sqlite3_str *text = sqlite3_str_new(NULL);

	sqlite3_str_appendall(text, "SELECT ");
	for (int i = 0; mapping_column_of(schema, i); i++)
		if (terms->columns & UINT64_C(1) << i)
			sqlite3_str_appendf(text, "c%d, ", i);
		else
			sqlite3_str_appendall(text, "NULL, ");
	sqlite3_str_appendall(text, "r FROM (");
	add_select(text, schema, schema->where, -1, NULL);
	if (schema->also.where) {
		sqlite3_str_appendall(text, " UNION ALL ");
		add_select(text, schema, schema->also.where, schema->also.column, schema->also.sql);
	}
	sqlite3_str_appendall(text, ")");
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

static int start(struct mapping_cursor *base, struct matr_error *err)
{
	struct query_cursor *cursor = (struct query_cursor *)base;
	struct mapping_store *store = mapping_store_of(base);
	char *text = inner_query(mapping_table_of(base)->schema, &base->terms);

	if (!text)
		return matr_fail_memory(err);
	if (cursor->rows && strcmp(sqlite3_sql(cursor->rows), text) == 0) {
		sqlite3_reset(cursor->rows);
	} else {
		sqlite3_finalize(cursor->rows);
		cursor->rows = mapping_prepare(store, text, err);
	}
	sqlite3_free(text);
	if (!cursor->rows)
		return -1;
	sqlite3_bind_int64(cursor->rows, 1, store->first);
	sqlite3_bind_int64(cursor->rows, 2, store->last);
	for (int i = 0; i < base->terms.n; i++)
		bind_term(cursor->rows, i + 3, base->terms.list[i].value);
	return 0;
}

static int next(struct mapping_cursor *base, struct matr_error *err)
{
	return mapping_step(mapping_store_of(base), ((struct query_cursor *)base)->rows, err);
}

static void column(struct mapping_cursor *base, sqlite3_context *context, int i)
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
}

static int64_t number(const struct mapping_cursor *base)
{
	sqlite3_stmt *rows = ((const struct query_cursor *)base)->rows;

	return sqlite3_column_int64(rows, sqlite3_column_count(rows) - 1);
}

static void finish(struct mapping_cursor *base)
{
	sqlite3_finalize(((struct query_cursor *)base)->rows);
}

const struct mapping_rows mapping_query_rows = {
	.cursor_size = sizeof(struct query_cursor),
	.start = start,
	.next = next,
	.column = column,
	.number = number,
	.finish = finish,
};
