/* table.c - connecting, planning, the constraints, and the cursor. */
#include "sql/mapping/table.h"

#include <stdlib.h>
#include <string.h>

#include "sql/vtab/result.h"

struct module { /* what a registered module refers to */
	struct matr_sql *sql;
	const struct mapping_schema *schema;
};

static int connect(sqlite3 *db, void *client, int argc, const char *const *argv, sqlite3_vtab **out,
		   char **message)
{
	const struct module *module = client;
	const struct mapping_schema *schema = module->schema;

	(void)argc;
	(void)argv;
	char *declaration = mapping_declaration(schema);
	if (!declaration)
		return SQLITE_NOMEM;
	int result = sqlite3_declare_vtab(db, declaration);
	sqlite3_free(declaration);
	if (result != SQLITE_OK) {
		*message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
		return result;
	}
	struct mapping_table *table = calloc(1, sizeof *table);
	if (!table)
		return SQLITE_NOMEM;
	table->sql = sql_hold(module->sql);
	table->store = module->sql->mapping;
	table->schema = schema;
	*out = &table->base;
	return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *base)
{
	struct mapping_table *table = (struct mapping_table *)base;

	sql_release(table->sql);
	free(table);
	return SQLITE_OK;
}

/* ---- planning ---- */

/* The operator's letter where the column's constraints of that kind are used; 0: they are not. */
static char letter_of(unsigned char operator, const struct mapping_column * column)
{
	if (column->use == '-')
		return 0;
	switch (operator) {
	case SQLITE_INDEX_CONSTRAINT_EQ:
		return '=';
	case SQLITE_INDEX_CONSTRAINT_LIKE:
		return column->type == 't' ? '~' : 0;
	case SQLITE_INDEX_CONSTRAINT_GLOB:
		return column->type == 't' ? '*' : 0;
	default:
		break;
	}
	if (column->use != '<')
		return 0;
	switch (operator) {
	case SQLITE_INDEX_CONSTRAINT_LT:
		return '<';
	case SQLITE_INDEX_CONSTRAINT_LE:
		return '{';
	case SQLITE_INDEX_CONSTRAINT_GT:
		return '>';
	case SQLITE_INDEX_CONSTRAINT_GE:
		return '}';
	default:
		return 0;
	}
}

/* The plan is a text: for each argument an operator and a column, then the columns that are
 * wanted. */
static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	const struct mapping_schema *schema = ((struct mapping_table *)base)->schema;
	double rows = schema->rows, work = schema->work;
	char terms[2 * MAPPING_TERMS_MAX + 1];
	uint64_t known = 0;
	int n = 0;

	for (int i = 0; i < info->nConstraint && n < MAPPING_TERMS_MAX; i++) {
		const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
		if (!constraint->usable || constraint->iColumn < 0)
			continue;
		const struct mapping_column *column =
			mapping_column_of(schema, constraint->iColumn);
		if (!column)
			continue;
		char letter = letter_of(constraint->op, column);
		if (!letter || strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
			continue;
		terms[2 * n] = letter;
		terms[2 * n + 1] = (char)('A' + constraint->iColumn);
		info->aConstraintUsage[i].argvIndex = ++n;
		if (known & UINT64_C(1) << constraint->iColumn)
			continue;
		known |= UINT64_C(1) << constraint->iColumn;
		/* A pattern or half a range leaves more than one value. */
		double factor = letter == '=' ? 1 : 30;
		rows *= column->rows * factor < 1 ? column->rows * factor : 1;
		work *= column->work * factor < 1 ? column->work * factor : 1;
	}
	terms[2 * n] = 0;
	bool distinct = schema->shared && sqlite3_vtab_distinct(info) >= 2 &&
			(info->colUsed & ~schema->shared) == 0;
	info->idxStr = sqlite3_mprintf("%s %c%llx", terms, distinct ? 'd' : 'a',
				       (unsigned long long)info->colUsed);
	if (!info->idxStr)
		return SQLITE_NOMEM;
	info->needToFreeIdxStr = 1;
	info->estimatedRows = rows < 1 ? 1 : (sqlite3_int64)rows;
	info->estimatedCost = 20 + work + rows;
	return SQLITE_OK;
}

/* ---- the terms ---- */

static void free_terms(struct mapping_terms *terms)
{
	for (int i = 0; i < terms->n; i++)
		sqlite3_value_free(terms->list[i].value);
	terms->n = 0;
}

/* From what best_index() left in idxStr; values are copied, for SQLite's own are gone after
 * xFilter. Terms whose value is of another type than the column are left out: SQLite would
 * convert. -1: out of memory. */
static int take_terms(const struct mapping_schema *schema, const char *plan, int argc,
		      sqlite3_value **argv, struct mapping_terms *out)
{
	const char *rest = strchr(plan, ' ');

	free_terms(out);
	*out = (struct mapping_terms){0};
	if (rest) {
		out->distinct = rest[1] == 'd';
		out->columns = strtoull(rest + 2, NULL, 16);
	}
	for (int i = 0; i < argc; i++) {
		int column = plan[2 * i + 1] - 'A';
		int type = sqlite3_value_type(argv[i]);
		bool fits = mapping_column_of(schema, column)->type == 't'
				    ? type == SQLITE_TEXT
				    : type == SQLITE_INTEGER || type == SQLITE_FLOAT;
		if (!fits)
			continue;
		sqlite3_value *value = sqlite3_value_dup(argv[i]);
		if (!value)
			return -1;
		out->list[out->n++] = (struct mapping_term){column, plan[2 * i], value};
	}
	return 0;
}

const char *mapping_equals(const struct mapping_terms *terms, int column)
{
	for (int i = 0; i < terms->n; i++)
		if (terms->list[i].column == column && terms->list[i].operator== '=')
			return (const char *)sqlite3_value_text(terms->list[i].value);
	return NULL;
}

bool mapping_admits(const struct mapping_terms *terms, int column, const char *text)
{
	for (int i = 0; i < terms->n; i++) {
		const struct mapping_term *term = &terms->list[i];
		if (term->column != column)
			continue;
		const char *value = (const char *)sqlite3_value_text(term->value);
		if (!value)
			continue;
		if (!text)
			return false;
		if (term->operator== '=' && strcmp(value, text) != 0)
			return false;
		if (term->operator== '~' && sqlite3_strlike(value, text, 0) != 0)
			return false;
		if (term->operator== '*' && sqlite3_strglob(value, text) != 0)
			return false;
	}
	return true;
}

/* SQLite checks for interruptions between rows only, and exports the check since 3.41 only. A
 * statement of the same connection does not start while the running one is to be interrupted. */
bool mapping_interrupted(const struct mapping_cursor *cursor)
{
	sqlite3 *db = mapping_table_of(cursor)->sql->db;
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, "SELECT 1", -1, &statement, NULL) != SQLITE_OK)
		return sqlite3_errcode(db) == SQLITE_INTERRUPT;
	bool interrupted = sqlite3_step(statement) == SQLITE_INTERRUPT;
	sqlite3_finalize(statement);
	return interrupted;
}

/* ---- cursors ---- */

static const struct mapping_rows *rows_of(const struct mapping_cursor *cursor)
{
	return mapping_table_of(cursor)->schema->rows_of;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	const struct mapping_schema *schema = ((struct mapping_table *)table)->schema;
	struct mapping_cursor *cursor = calloc(1, schema->rows_of->cursor_size);

	if (!cursor)
		return SQLITE_NOMEM;
	*out = &cursor->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct mapping_cursor *cursor = (struct mapping_cursor *)base;

	if (cursor->entered) {
		rows_of(cursor)->finish(cursor);
		mapping_store_leave(mapping_store_of(cursor));
	}
	free_terms(&cursor->terms);
	free(cursor);
	return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
	struct mapping_cursor *cursor = (struct mapping_cursor *)base;
	struct matr_error err;
	int more = rows_of(cursor)->next(cursor, &err);

	cursor->done = more != 1;
	if (more == MAPPING_INTERRUPTED)
		return SQLITE_INTERRUPT;
	return more < 0 ? result_table_error(base->pVtab, &err) : SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
		  sqlite3_value **argv)
{
	struct mapping_cursor *cursor = (struct mapping_cursor *)base;
	struct mapping_table *table = mapping_table_of(cursor);
	struct matr_error err;

	(void)number;
	if (!cursor->entered) {
		if (mapping_store_enter(table->store, &err) != 0)
			return result_table_error(base->pVtab, &err);
		cursor->entered = true;
	}
	if (take_terms(table->schema, plan, argc, argv, &cursor->terms) != 0)
		return SQLITE_NOMEM;
	if (rows_of(cursor)->start(cursor, &err) != 0)
		return result_table_error(base->pVtab, &err);
	return next_row(base);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return ((struct mapping_cursor *)base)->done;
}

static int get_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	struct mapping_cursor *cursor = (struct mapping_cursor *)base;

	rows_of(cursor)->column(cursor, context, column);
	return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	const struct mapping_cursor *cursor = (const struct mapping_cursor *)base;

	*out = rows_of(cursor)->number(cursor);
	return SQLITE_OK;
}

static const sqlite3_module methods = {
	.iVersion = 1,
	.xCreate = connect,
	.xConnect = connect,
	.xBestIndex = best_index,
	.xDisconnect = disconnect,
	.xDestroy = disconnect,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = filter,
	.xNext = next_row,
	.xEof = at_end,
	.xColumn = get_column,
	.xRowid = row_id,
};

static void release_module(void *pointer)
{
	struct module *module = pointer;

	sql_release(module->sql);
	free(module);
}

int mapping_table_register(struct matr_sql *sql, const struct mapping_schema *schema,
			   struct matr_error *err)
{
	struct module *module = malloc(sizeof *module);

	if (!module)
		return matr_fail_memory(err);
	*module = (struct module){.sql = sql_hold(sql), .schema = schema};
	/* On an error too, SQLite calls the destructor. */
	if (sqlite3_create_module_v2(sql->db, schema->name, &methods, module, release_module) !=
	    SQLITE_OK)
		return sql_fail(sql->db, err);
	return 0;
}
