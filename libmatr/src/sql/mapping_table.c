/* mapping_table.c - connecting, planning, and the constraints; see mapping_table.h. */
#include "mapping_table.h"

#include <stdlib.h>
#include <string.h>

int mapping_connect(sqlite3 *db, void *client, int argc, const char *const *argv,
		    sqlite3_vtab **out, char **message)
{
	struct matr_sql *sql = client;

	(void)argc;
	/* argv[0] is the module's name; the table may have another. */
	const struct mapping_schema *schema = mapping_schema_of(argv[0]);
	int result = schema ? sqlite3_declare_vtab(db, schema->create) : SQLITE_ERROR;
	if (result != SQLITE_OK) {
		*message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
		return result;
	}
	struct mapping_table *table = calloc(1, sizeof *table);
	if (!table)
		return SQLITE_NOMEM;
	table->sql = sql_hold(sql);
	table->store = sql->mapping;
	table->schema = schema;
	*out = &table->base;
	return SQLITE_OK;
}

int mapping_disconnect(sqlite3_vtab *base)
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

/* The plan is a text: for each argument an operator and a column, then the columns that are wanted. */
int mapping_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	const struct mapping_schema *schema = ((struct mapping_table *)base)->schema;
	double rows = schema->rows, work = schema->work;
	char terms[2 * MAPPING_TERMS_MAX + 1];
	uint64_t known = 0;
	int n = 0;

	for (int i = 0; i < info->nConstraint && n < MAPPING_TERMS_MAX; i++) {
		const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
		if (!constraint->usable || constraint->iColumn < 0 ||
		    constraint->iColumn >= schema->n_columns)
			continue;
		const struct mapping_column *column = &schema->columns[constraint->iColumn];
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

void mapping_terms_free(struct mapping_terms *terms)
{
	for (int i = 0; i < terms->n; i++)
		sqlite3_value_free(terms->list[i].value);
	terms->n = 0;
}

int mapping_terms(const struct mapping_schema *schema, const char *plan, int argc,
		  sqlite3_value **argv, struct mapping_terms *out)
{
	const char *rest = strchr(plan, ' ');

	*out = (struct mapping_terms){0};
	if (rest) {
		out->distinct = rest[1] == 'd';
		out->columns = strtoull(rest + 2, NULL, 16);
	}
	for (int i = 0; i < argc; i++) {
		int column = plan[2 * i + 1] - 'A';
		int type = sqlite3_value_type(argv[i]);
		bool fits = schema->columns[column].type == 't'
				    ? type == SQLITE_TEXT
				    : type == SQLITE_INTEGER || type == SQLITE_FLOAT;
		if (!fits)
			continue;
		sqlite3_value *value = sqlite3_value_dup(argv[i]);
		if (!value) {
			mapping_terms_free(out);
			return -1;
		}
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

/* SQLite asks for interruptions between rows only, and tells others since 3.41 only. A statement of the
 * same connection does not start when the running one is to be interrupted. */
bool mapping_interrupted(struct mapping_table *table)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(table->sql->db, "SELECT 1", -1, &statement, NULL) != SQLITE_OK)
		return sqlite3_errcode(table->sql->db) == SQLITE_INTERRUPT;
	bool interrupted = sqlite3_step(statement) == SQLITE_INTERRUPT;
	sqlite3_finalize(statement);
	return interrupted;
}
