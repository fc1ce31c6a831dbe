/* table.c - an SQLite virtual table of a row source, eponymous, so that its name is a table and a
 * table-valued function without any CREATE.
 *
 * idxStr carries the plan from xBestIndex to xFilter: the columns wanted in hexadecimal, a
 * semicolon, then for every argument of xFilter its column and operator, as two hexadecimal digits
 * each.
 */
#include "sql/vtab/table.h"

#include <stdlib.h>
#include <string.h>

#include "sql/vtab/file_set.h"
#include "sql/vtab/name_index.h"
#include "sql/vtab/result.h"
#include "sql/vtab/row_cache.h"

struct table {
	sqlite3_vtab base;
	struct matr_sql *sql;
	const struct row_source *source;
};

struct module { /* what a registered module refers to */
	struct matr_sql *sql;
	const struct row_source *source;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct constraint *constraints;
	struct filter filter;
	struct file_set *set, *own_set;
	const char *only; /* the one path of the query; NULL: all of the set */
	bool only_done;
	const struct name_index *names; /* only the files with a symbol; NULL: all */
	const char *name;
	unsigned kinds;
	uint32_t name_at;
	size_t next_file;
	struct elf_file *file; /* NULL: at the end */
	void *state;
	bool started;
	sqlite3_stmt *kept; /* rows from the cache instead; NULL: none */
};

enum { ROW_BITS = 44 };

/* ---- the table ---- */

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
		   char **message)
{
	const struct module *module = aux;
	char *declaration = row_source_declaration(module->source);
	struct table *table = sqlite3_malloc64(sizeof *table);

	(void)argc;
	(void)argv;
	(void)message;
	int result = !declaration || !table ? SQLITE_NOMEM : sqlite3_declare_vtab(db, declaration);
	sqlite3_free(declaration);
	if (result != SQLITE_OK) {
		sqlite3_free(table);
		return result;
	}
	*table = (struct table){.sql = sql_hold(module->sql), .source = module->source};
	*out = &table->base;
	return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *base)
{
	struct table *table = (struct table *)base;

	sql_release(table->sql);
	sqlite3_free(table);
	return SQLITE_OK;
}

/* ---- planning ---- */

static int source_column(const struct row_source *source)
{
	return source->n_columns;
}

static const struct key *key_of(const struct row_source *source, int column)
{
	for (const struct key *key = source->keys; key->rows > 0; key++)
		if (key->column == column)
			return key;
	return NULL;
}

static bool is_comparison(unsigned char op)
{
	return op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE ||
	       op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE;
}

struct plan {
	double files, rows, work; /* the latter two per file */
	bool has_source, has_path;
	bool late_source, late_path; /* would be constrained, but not in this join order */
};

/* Test whether xFilter can use the constraint. If so, the plan accounts for it. */
static bool use_constraint(const struct row_source *source, sqlite3_index_info *info, int i,
			   struct plan *plan)
{
	int column = info->aConstraint[i].iColumn;
	unsigned char op = info->aConstraint[i].op;
	bool equal = op == SQLITE_INDEX_CONSTRAINT_EQ, usable = info->aConstraint[i].usable;
	const struct key *key = key_of(source, column);
	bool is_argument = column == source_column(source) || column == source_column(source) + 1;

	if (!equal && !is_comparison(op))
		return false;
	if (equal && column == source_column(source)) {
		*(usable ? &plan->has_source : &plan->late_source) = true;
		return usable;
	}
	if (equal && is_argument) {
		plan->late_source |= !usable;
		return usable;
	}
	if (column != 0 && !key)
		return false;
	const char *collation = sqlite3_vtab_collation(info, i);
	if (collation && sqlite3_stricmp(collation, "BINARY") != 0)
		return false;
	if (column == 0) {
		if (equal)
			*(usable ? &plan->has_path : &plan->late_path) = true;
		return equal && usable;
	}
	if (!usable || (!equal && !key->ordered))
		return false;
	/* A comparison leaves a part of the rows: two of them, a range, a small one. */
	double share = equal ? key->rows / source->rows : 0.2;
	double work = equal ? key->work : source->work * 0.2 + key->work;
	plan->rows *= share < 1 ? share : 1;
	if (work < plan->work)
		plan->work = work;
	return true;
}

/* Opening a file costs about as much as going through this many rows; one that is open, a few. */
enum { OPEN_WORK = 200 };

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	struct table *table = (struct table *)base;
	const struct row_source *source = table->source;
	struct plan plan = {.rows = source->rows, .work = source->work};
	sqlite3_str *string = sqlite3_str_new(table->sql->db);
	int n = 0;

	sqlite3_str_appendf(string, "%llx;", (unsigned long long)info->colUsed);
	for (int i = 0; i < info->nConstraint; i++) {
		if (!use_constraint(source, info, i, &plan))
			continue;
		info->aConstraintUsage[i].argvIndex = ++n;
		/* The arguments are not columns that could be compared again. */
		info->aConstraintUsage[i].omit =
			info->aConstraint[i].iColumn >= source_column(source) &&
			info->aConstraint[i].iColumn <= source_column(source) + 1;
		sqlite3_str_appendf(string, "%02x%02x", info->aConstraint[i].iColumn,
				    info->aConstraint[i].op);
	}
	info->idxStr = sqlite3_str_finish(string);
	info->needToFreeIdxStr = 1;
	if (!info->idxStr)
		return SQLITE_NOMEM;
	bool nothing = file_set_is_empty(table->sql->files) && !plan.has_source && !plan.has_path;
	if ((plan.late_source && !plan.has_source) || (nothing && plan.late_path))
		return SQLITE_CONSTRAINT; /* only the other way round */
	plan.files = plan.has_source || plan.has_path ? 1 : file_set_guess(table->sql->files);
	if (plan.rows < 0.05)
		plan.rows = 0.05;
	double rows = plan.files * plan.rows;
	info->estimatedRows = rows < 1 ? 1 : (sqlite3_int64)rows;
	info->estimatedCost = plan.files * (plan.work + OPEN_WORK);
	return SQLITE_OK;
}

/* ---- cursors ---- */

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct table *table = (struct table *)base;
	struct cursor *cursor = calloc(1, sizeof *cursor);

	if (!cursor)
		return SQLITE_NOMEM;
	cursor->state = calloc(1, table->source->state_size);
	if (!cursor->state) {
		free(cursor);
		return SQLITE_NOMEM;
	}
	table->sql->open_cursors++;
	*out = &cursor->base;
	return SQLITE_OK;
}

static struct table *table_of(struct cursor *cursor)
{
	return (struct table *)cursor->base.pVtab;
}

static void leave_file(struct cursor *cursor)
{
	const struct row_source *source = table_of(cursor)->source;

	if (cursor->kept)
		row_cache_done(table_of(cursor)->sql->cache, cursor->kept);
	cursor->kept = NULL;
	if (cursor->started) {
		if (source->finish)
			source->finish(cursor->state);
		memset(cursor->state, 0, source->state_size);
		cursor->started = false;
	}
	if (cursor->file)
		file_set_close(cursor->set, cursor->file);
	cursor->file = NULL;
}

static void reset(struct cursor *cursor)
{
	leave_file(cursor);
	for (int i = 0; i < cursor->filter.n; i++)
		sqlite3_value_free(cursor->constraints[i].value);
	free(cursor->constraints);
	cursor->constraints = NULL;
	cursor->filter = (struct filter){0};
	file_set_free(cursor->own_set);
	cursor->own_set = NULL;
	cursor->only = NULL;
	cursor->names = NULL;
	cursor->name_at = 0;
	cursor->only_done = false;
	cursor->next_file = 0;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *cursor = (struct cursor *)base;
	struct matr_sql *sql = table_of(cursor)->sql;

	reset(cursor);
	if (--sql->open_cursors == 0)
		sql->generation++;
	free(cursor->state);
	free(cursor);
	return SQLITE_OK;
}

/* The path of the next file, NULL at the end. */
static int next_path(struct cursor *cursor, const char **path, struct matr_error *err)
{
	if (cursor->names) {
		*path = NULL;
		name_index_next(cursor->names, cursor->name, cursor->kinds, &cursor->name_at, path);
		return 0;
	}
	if (!cursor->only)
		return file_set_get(cursor->set, cursor->next_file++, path, err);
	*path = cursor->only_done ? NULL : cursor->only;
	cursor->only_done = true;
	return 0;
}

static int next_kept(struct cursor *cursor, struct matr_error *err)
{
	int result = sqlite3_step(cursor->kept);

	if (result == SQLITE_ROW)
		return 1;
	if (result == SQLITE_DONE)
		return 0;
	return matr_fail(err, MATR_ERROR_STORE, NULL, "the cache of rows: %s",
			 sqlite3_errstr(result));
}

/* Find the cached rows of the file that was just opened. Returns false if there are none. */
static bool use_kept(struct cursor *cursor)
{
	struct table *table = table_of(cursor);
	struct matr_error err = {0};
	int result = row_cache_rows(table->sql->cache, table->source, cursor->file->path,
				    &cursor->filter, &cursor->kept, &err);

	if (result < 0)
		sql_warn(table->sql, &err);
	return result > 0;
}

/* On to the next row, in the next file where the file has no more. */
static int advance(struct cursor *cursor)
{
	struct table *table = table_of(cursor);

	for (;;) {
		struct matr_error err = {0};
		const char *path;
		int result = 0;

		if (cursor->file) {
			result = cursor->kept ? next_kept(cursor, &err)
					      : table->source->next(cursor->state, &err);
			if (result > 0)
				return SQLITE_OK;
			leave_file(cursor);
		} else {
			if (next_path(cursor, &path, &err) < 0)
				return result_table_error(cursor->base.pVtab, &err);
			if (!path)
				return SQLITE_OK;
			result = file_set_open(cursor->set, path, &cursor->file, &err);
			if (result == 0 && table->sql->cache && use_kept(cursor))
				continue;
			if (result == 0) {
				cursor->started = true;
				result = table->source->start(cursor->state, cursor->file,
							      &cursor->filter, &err);
			}
			if (result < 0)
				leave_file(cursor);
		}
		if (result < 0 && err.code == MATR_ERROR_RESOURCES)
			return result_table_error(cursor->base.pVtab, &err);
		if (result < 0 && err.code != MATR_OK)
			sql_warn(table->sql, &err);
	}
}

static int take_constraints(struct cursor *cursor, const char *plan, int argc, sqlite3_value **argv)
{
	char *at;

	cursor->filter.columns = strtoull(plan, &at, 16);
	at++;
	cursor->constraints = calloc((size_t)argc + 1, sizeof *cursor->constraints);
	if (!cursor->constraints)
		return SQLITE_NOMEM;
	cursor->filter.constraints = cursor->constraints;
	for (int i = 0; i < argc; i++, at += 4) {
		char column[3] = {at[0], at[1], 0}, op[3] = {at[2], at[3], 0};
		struct constraint *constraint = &cursor->constraints[i];
		constraint->column = (int)strtol(column, NULL, 16);
		constraint->op = (unsigned char)strtol(op, NULL, 16);
		constraint->value = sqlite3_value_dup(argv[i]);
		if (!constraint->value)
			return SQLITE_NOMEM;
		cursor->filter.n++;
	}
	return SQLITE_OK;
}

static sqlite3_value *argument(const struct cursor *cursor, int column)
{
	for (int i = 0; i < cursor->filter.n; i++)
		if (cursor->constraints[i].column == column)
			return cursor->constraints[i].value;
	return NULL;
}

/* Of many files, those with a symbol that the query names. */
static int choose_by_name(struct cursor *cursor, struct matr_error *err)
{
	const struct row_source *source = table_of(cursor)->source;
	struct matr_error own = {0};

	if (cursor->only || !source->choose_files ||
	    !source->choose_files(&cursor->filter, &cursor->name, &cursor->kinds))
		return 0;
	cursor->names = name_index_of(cursor->set, &own);
	if (own.code == MATR_OK)
		return 0;
	return matr_error_copy(err, &own);
}

/* Choose the files: those of the argument, else of the connection. With `path`, only the one of
 * them that it names. *none receives whether no file can match. */
static int choose_files(struct cursor *cursor, bool *none, struct matr_error *err)
{
	struct table *table = table_of(cursor);
	sqlite3_value *root = argument(cursor, source_column(table->source));
	sqlite3_value *recursive = argument(cursor, source_column(table->source) + 1);
	sqlite3_value *path = argument(cursor, 0);
	int found = 1;

	*none = (root && sqlite3_value_type(root) == SQLITE_NULL) ||
		(path && sqlite3_value_type(path) != SQLITE_TEXT);
	cursor->set = table->sql->files;
	if (*none)
		return 0;
	if (root) {
		const char *text = (const char *)sqlite3_value_text(root);
		if (!text)
			return matr_fail_memory(err);
		cursor->own_set = file_set_of(table->sql->files, text,
					      recursive && sqlite3_value_int(recursive), err);
		if (!cursor->own_set)
			return -1;
		cursor->set = cursor->own_set;
	}
	if (path) {
		cursor->only = (const char *)sqlite3_value_text(path);
		if (!file_set_is_empty(cursor->set))
			found = file_set_has(cursor->set, cursor->only, err);
		*none = found == 0;
	} else if (file_set_is_empty(cursor->set)) {
		return matr_fail(err, MATR_ERROR_USAGE, NULL,
				 "%s: which file? Say %s('FILE'), or WHERE path = 'FILE'",
				 table->source->name, table->source->name);
	}
	return found < 0 ? -1 : choose_by_name(cursor, err);
}

static int filter_rows(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
		       sqlite3_value **argv)
{
	struct cursor *cursor = (struct cursor *)base;
	struct matr_error err = {0};
	bool none;

	(void)number;
	reset(cursor);
	int result = take_constraints(cursor, plan, argc, argv);
	if (result != SQLITE_OK)
		return result;
	if (choose_files(cursor, &none, &err) < 0)
		return result_table_error(cursor->base.pVtab, &err);
	return none ? SQLITE_OK : advance(cursor);
}

static int next_row(sqlite3_vtab_cursor *base)
{
	return advance((struct cursor *)base);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return !((struct cursor *)base)->file;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int i)
{
	struct cursor *cursor = (struct cursor *)base;
	const struct row_source *source = table_of(cursor)->source;
	int first = source_column(source);

	if (i == 0)
		sqlite3_result_text(context, cursor->file->path, -1, SQLITE_TRANSIENT);
	else if (i == first || i == first + 1) {
		sqlite3_value *value = argument(cursor, i);
		if (value)
			sqlite3_result_value(context, value);
	} else if (cursor->kept)
		sqlite3_result_value(
			context, sqlite3_column_value(cursor->kept, row_cache_column(source, i)));
	else
		source->column(cursor->state, context, i);
	return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	struct cursor *cursor = (struct cursor *)base;
	const struct row_state *state = cursor->state;
	uint64_t row = cursor->kept ? (uint64_t)sqlite3_column_int64(cursor->kept, ROW_CACHE_NUMBER)
				    : state->row;

	*out = (sqlite3_int64)((uint64_t)cursor->file->number << ROW_BITS |
			       (row & ((UINT64_C(1) << ROW_BITS) - 1)));
	return SQLITE_OK;
}

static void release_module(void *pointer)
{
	struct module *module = pointer;

	sql_release(module->sql);
	free(module);
}

int table_register(struct matr_sql *sql, const struct row_source *source, struct matr_error *err)
{
	static const sqlite3_module methods = {
		.xConnect = connect,
		.xDisconnect = disconnect,
		.xDestroy = disconnect,
		.xBestIndex = best_index,
		.xOpen = open_cursor,
		.xClose = close_cursor,
		.xFilter = filter_rows,
		.xNext = next_row,
		.xEof = at_end,
		.xColumn = column,
		.xRowid = row_id,
	};
	struct module *module = malloc(sizeof *module);

	if (!module)
		return matr_fail_memory(err);
	*module = (struct module){.sql = sql_hold(sql), .source = source};
	/* On an error too, SQLite calls the destructor. */
	if (sqlite3_create_module_v2(sql->db, source->name, &methods, module, release_module) !=
	    SQLITE_OK)
		return sql_fail(sql->db, err);
	return 0;
}
