/* row_cache.c - rows kept in a database on disk.
 *
 * A table here for each table of ours that is worth it, with a column for the file and indexes for
 * the keys. It is filled by SQL: the cache's connection has our tables too, without a cache, so
 * that a file's rows come with INSERT ... SELECT in one transaction. Files are known by device,
 * inode, size and times; what was kept of one that has changed goes when the new one comes. A file
 * that gave a warning is not kept.
 */
#include "sql/vtab/row_cache.h"

#include <stdlib.h>
#include <string.h>

#include "sql/reader/elf_file.h"

enum { WORTH = 1000 /* rows of work */, MOST_STATEMENTS = 16, BUSY = 10000 /* ms */ };

struct row_cache {
	char *path;
	sqlite3 *db;
	bool had_warning; /* while a file was read */
	struct kept_statement {
		sqlite3_stmt *statement;
		bool in_use;
	} statements[MOST_STATEMENTS];
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS files(id INTEGER PRIMARY KEY, device, inode, size, mtime, "
	"ctime);"
	"CREATE UNIQUE INDEX IF NOT EXISTS files_by_identity ON files(device, inode);"
	"CREATE TABLE IF NOT EXISTS declarations(name TEXT PRIMARY KEY, declaration TEXT);"
	"CREATE TABLE IF NOT EXISTS complete(file, name, PRIMARY KEY(file, name)) WITHOUT ROWID;";

static int fail_cache(const struct row_cache *cache, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_STORE, cache->path, "the cache of rows: %s",
			 sqlite3_errmsg(cache->db));
}

static int run(struct row_cache *cache, struct matr_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int run(struct row_cache *cache, struct matr_error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = sqlite3_vmprintf(format, args);
	va_end(args);
	int result = text ? sqlite3_exec(cache->db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(text);
	return result == SQLITE_OK ? 0 : fail_cache(cache, err);
}

static void note_warning(void *context, const struct matr_error *warning)
{
	struct row_cache *cache = context;

	(void)warning; /* reading the file will give it again */
	cache->had_warning = true;
}

static int open_database(struct row_cache *cache, row_cache_register *add_tables,
			 struct matr_error *err)
{
	struct matr_sql_options options = {.warn = note_warning, .warn_context = cache};

	if (sqlite3_open_v2(cache->path, &cache->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    NULL) != SQLITE_OK)
		return fail_cache(cache, err);
	sqlite3_busy_timeout(cache->db, BUSY);
	/* It can be made again: durability is not worth waiting for. */
	if (run(cache, err, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; %s", schema) < 0)
		return -1;
	return add_tables(cache->db, &options, err);
}

int row_cache_open(const char *path, row_cache_register *add_tables, struct row_cache **out,
		   struct matr_error *err)
{
	struct row_cache *cache = calloc(1, sizeof *cache);

	if (!cache)
		return matr_fail_memory(err);
	cache->path = strdup(path);
	if (!cache->path || open_database(cache, add_tables, err) < 0) {
		int result = cache->path ? -1 : matr_fail_memory(err);
		row_cache_close(cache);
		return result;
	}
	*out = cache;
	return 0;
}

void row_cache_close(struct row_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < MOST_STATEMENTS; i++)
		sqlite3_finalize(cache->statements[i].statement);
	sqlite3_close_v2(cache->db);
	free(cache->path);
	free(cache);
}

/* ---- statements ---- */

static sqlite3_stmt *prepare(struct row_cache *cache, const char *text, struct matr_error *err)
{
	struct kept_statement *room = NULL;
	sqlite3_stmt *statement = NULL;

	for (size_t i = 0; i < MOST_STATEMENTS; i++) {
		struct kept_statement *kept = &cache->statements[i];
		if (kept->in_use)
			continue;
		if (kept->statement && strcmp(sqlite3_sql(kept->statement), text) == 0) {
			kept->in_use = true;
			return kept->statement;
		}
		if (!room || !kept->statement)
			room = kept;
	}
	if (sqlite3_prepare_v2(cache->db, text, -1, &statement, NULL) != SQLITE_OK) {
		fail_cache(cache, err);
		return NULL;
	}
	if (room) {
		sqlite3_finalize(room->statement);
		*room = (struct kept_statement){.statement = statement, .in_use = true};
	}
	return statement;
}

void row_cache_done(struct row_cache *cache, sqlite3_stmt *rows)
{
	if (!rows)
		return;
	for (size_t i = 0; i < MOST_STATEMENTS; i++)
		if (cache->statements[i].statement == rows) {
			sqlite3_reset(rows);
			sqlite3_clear_bindings(rows);
			cache->statements[i].in_use = false;
			return;
		}
	sqlite3_finalize(rows);
}

/* The first column of the first row; 0 where there is none. */
static int number(struct row_cache *cache, sqlite3_stmt *statement, int64_t *out,
		  struct matr_error *err)
{
	int result = sqlite3_step(statement);

	*out = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		fail_cache(cache, err);
	row_cache_done(cache, statement);
	return result == SQLITE_ROW || result == SQLITE_DONE ? 0 : -1;
}

/* ---- tables ---- */

/* Columns of the table, including hidden ones but not the arguments: "c1, c2, ...". */
static void add_columns(sqlite3_str *text, const struct row_source *source, const char *format,
			sqlite3_stmt *info)
{
	while (sqlite3_step(info) == SQLITE_ROW) {
		int i = sqlite3_column_int(info, 0);
		if (i == 0 || i == source->n_columns || i == source->n_columns + 1)
			continue;
		const char *name = (const char *)sqlite3_column_text(info, 1);
		if (format)
			sqlite3_str_appendf(text, format, name,
					    (const char *)sqlite3_column_text(info, 2));
		else
			sqlite3_str_appendf(text, ", \"%w\"", name);
	}
	sqlite3_reset(info);
}

static int make_table(struct row_cache *cache, const struct row_source *source,
		      struct matr_error *err)
{
	char *declaration = row_source_declaration(source);
	int64_t same;
	sqlite3_stmt *info = NULL;

	if (!declaration)
		return matr_fail_memory(err);
	sqlite3_stmt *query = prepare(
		cache, "SELECT 1 FROM declarations WHERE name = ? AND declaration = ?", err);
	if (query) {
		sqlite3_bind_text(query, 1, source->name, -1, SQLITE_STATIC);
		sqlite3_bind_text(query, 2, declaration, -1, SQLITE_STATIC);
	}
	if (!query || number(cache, query, &same, err) < 0 || same) {
		sqlite3_free(declaration);
		return query && same ? 0 : -1;
	}
	/* New, or of another version of MatR. */
	char *question = sqlite3_mprintf("SELECT * FROM pragma_table_xinfo(%Q)", source->name);
	if (question)
		sqlite3_prepare_v2(cache->db, question, -1, &info, NULL);
	sqlite3_free(question);
	sqlite3_str *text = sqlite3_str_new(cache->db);
	sqlite3_str_appendf(text,
			    "DROP TABLE IF EXISTS kept_%s; DELETE FROM complete WHERE name = %Q;"
			    "CREATE TABLE kept_%s(file INTEGER, row INTEGER",
			    source->name, source->name, source->name);
	if (info)
		add_columns(text, source, ", \"%w\" %s", info);
	sqlite3_str_appendf(text, "); CREATE INDEX kept_%s_file ON kept_%s(file);", source->name,
			    source->name);
	for (const struct key *key = source->keys; info && key->rows > 0; key++) {
		while (sqlite3_step(info) == SQLITE_ROW)
			if (sqlite3_column_int(info, 0) == key->column)
				sqlite3_str_appendf(
					text, "CREATE INDEX kept_%s_%d ON kept_%s(file, \"%w\");",
					source->name, key->column, source->name,
					(const char *)sqlite3_column_text(info, 1));
		sqlite3_reset(info);
	}
	sqlite3_str_appendf(text, "INSERT OR REPLACE INTO declarations VALUES(%Q, %Q);",
			    source->name, declaration);
	sqlite3_free(declaration);
	char *statements = sqlite3_str_finish(text);
	int result = !info	   ? fail_cache(cache, err)
		     : !statements ? matr_fail_memory(err)
				   : run(cache, err, "%s", statements);
	sqlite3_finalize(info);
	sqlite3_free(statements);
	return result;
}

/* ---- files ---- */

static void bind_identity(sqlite3_stmt *statement, const struct matr_file_id *id)
{
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)id->device);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)id->inode);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)id->size);
	sqlite3_bind_int64(statement, 4, id->mtime);
	sqlite3_bind_int64(statement, 5, id->ctime);
}

/* The file's number if it is known as it is, else 0. */
static int find_file(struct row_cache *cache, const struct matr_file_id *id, int64_t *file,
		     struct matr_error *err)
{
	sqlite3_stmt *query = prepare(cache,
				      "SELECT id FROM files WHERE device = ? AND inode = ? AND "
				      "size = ? AND mtime = ? AND ctime = ?",
				      err);
	if (!query)
		return -1;
	bind_identity(query, id);
	return number(cache, query, file, err);
}

/* Forget what was kept of a file that was here before, and enter this one. */
static int enter_file(struct row_cache *cache, const struct matr_file_id *id, int64_t *file,
		      struct matr_error *err)
{
	int64_t before;
	sqlite3_stmt *query =
		prepare(cache, "SELECT id FROM files WHERE device = ? AND inode = ?", err);

	if (!query)
		return -1;
	sqlite3_bind_int64(query, 1, (sqlite3_int64)id->device);
	sqlite3_bind_int64(query, 2, (sqlite3_int64)id->inode);
	if (number(cache, query, &before, err) < 0)
		return -1;
	if (before) {
		query = prepare(cache,
				"SELECT group_concat(format('DELETE FROM kept_%s WHERE file = "
				"%lld;', name, ?1), '') FROM complete WHERE file = ?1",
				err);
		if (!query)
			return -1;
		sqlite3_bind_int64(query, 1, before);
		int step = sqlite3_step(query);
		const char *text =
			step == SQLITE_ROW ? (const char *)sqlite3_column_text(query, 0) : NULL;
		int result = run(cache, err,
				 "%s DELETE FROM complete WHERE file = %lld; DELETE FROM files "
				 "WHERE id = %lld;",
				 text ? text : "", (long long)before, (long long)before);
		row_cache_done(cache, query);
		if (result < 0)
			return -1;
	}
	query = prepare(
		cache, "INSERT INTO files(device, inode, size, mtime, ctime) VALUES(?, ?, ?, ?, ?)",
		err);
	if (!query)
		return -1;
	bind_identity(query, id);
	int64_t nothing;
	if (number(cache, query, &nothing, err) < 0)
		return -1;
	*file = sqlite3_last_insert_rowid(cache->db);
	return 0;
}

static int is_complete(struct row_cache *cache, int64_t file, const char *name, int64_t *complete,
		       struct matr_error *err)
{
	sqlite3_stmt *query =
		prepare(cache, "SELECT 1 FROM complete WHERE file = ? AND name = ?", err);

	if (!query)
		return -1;
	sqlite3_bind_int64(query, 1, file);
	sqlite3_bind_text(query, 2, name, -1, SQLITE_STATIC);
	return number(cache, query, complete, err);
}

static int insert_rows(struct row_cache *cache, const struct row_source *source, const char *path,
		       int64_t file, struct matr_error *err)
{
	sqlite3_stmt *info = NULL;
	char *question = sqlite3_mprintf("SELECT * FROM pragma_table_xinfo(%Q)", source->name);

	if (question)
		sqlite3_prepare_v2(cache->db, question, -1, &info, NULL);
	sqlite3_free(question);
	if (!info)
		return fail_cache(cache, err);
	sqlite3_str *text = sqlite3_str_new(cache->db);
	sqlite3_str_appendf(text, "INSERT INTO kept_%s SELECT %lld, rowid & 0xfffffffffff",
			    source->name, (long long)file);
	add_columns(text, source, NULL, info);
	sqlite3_finalize(info);
	sqlite3_str_appendf(text, " FROM %s(%Q)", source->name, path);
	char *statement = sqlite3_str_finish(text);
	int result = statement ? run(cache, err, "%s", statement) : matr_fail_memory(err);
	sqlite3_free(statement);
	return result;
}

/* Read the file's rows and keep them. Returns 1 if done, 0 if they are not kept, -1 on error. */
static int keep(struct row_cache *cache, const struct row_source *source, const char *path,
		const struct matr_file_id *id, int64_t *file, struct matr_error *err)
{
	struct matr_file_id after;

	cache->had_warning = false;
	if (*file == 0 && enter_file(cache, id, file, err) < 0)
		return -1;
	if (insert_rows(cache, source, path, *file, err) < 0)
		return -1;
	/* No rows may be due to what may come later: a package of debugging information. */
	if (cache->had_warning || sqlite3_changes(cache->db) == 0 ||
	    elf_file_identify(path, &after) < 0 || memcmp(&after, id, sizeof after) != 0)
		return 0;
	return run(cache, err, "INSERT INTO complete VALUES(%lld, '%s')", (long long)*file,
		   source->name) < 0
		       ? -1
		       : 1;
}

/* Returns 1 if they are kept, 0 if not, -1 on error. */
static int find_or_keep(struct row_cache *cache, const struct row_source *source, const char *path,
			int64_t *file, struct matr_error *err)
{
	struct matr_file_id id;
	int64_t complete = 0;

	if (elf_file_identify(path, &id) < 0)
		return 0;
	if (find_file(cache, &id, file, err) < 0 ||
	    (*file && is_complete(cache, *file, source->name, &complete, err) < 0))
		return -1;
	if (complete)
		return 1;
	if (run(cache, err, "BEGIN IMMEDIATE") < 0)
		return -1;
	/* Another process may have done it in the meantime. */
	int result = find_file(cache, &id, file, err);
	if (result == 0 && *file)
		result = is_complete(cache, *file, source->name, &complete, err);
	if (result == 0)
		result = complete ? 1 : keep(cache, source, path, &id, file, err);
	if (result > 0 && run(cache, err, "COMMIT") == 0)
		return 1;
	sqlite3_exec(cache->db, "ROLLBACK", NULL, NULL, NULL);
	return result < 0 ? -1 : 0;
}

static const char *operator_text(unsigned char op)
{
	switch (op) {
	case SQLITE_INDEX_CONSTRAINT_GT:
		return ">";
	case SQLITE_INDEX_CONSTRAINT_GE:
		return ">=";
	case SQLITE_INDEX_CONSTRAINT_LT:
		return "<";
	case SQLITE_INDEX_CONSTRAINT_LE:
		return "<=";
	default:
		return "=";
	}
}

static sqlite3_stmt *select_rows(struct row_cache *cache, const struct row_source *source,
				 int64_t file, const struct filter *filter, struct matr_error *err)
{
	sqlite3_str *text = sqlite3_str_new(cache->db);
	int n = 1;

	sqlite3_str_appendf(text, "SELECT * FROM kept_%s WHERE file = ?1", source->name);
	for (int i = 0; i < filter->n; i++) {
		const struct constraint *constraint = &filter->constraints[i];
		if (constraint->column == 0 || constraint->column == source->n_columns ||
		    constraint->column == source->n_columns + 1)
			continue;
		char name[64];
		row_source_column(source, constraint->column, name, sizeof name);
		sqlite3_str_appendf(text, " AND \"%w\" %s ?%d", name, operator_text(constraint->op),
				    ++n);
	}
	char *query = sqlite3_str_finish(text);
	sqlite3_stmt *rows = query ? prepare(cache, query, err) : NULL;
	sqlite3_free(query);
	if (!rows)
		return NULL;
	sqlite3_bind_int64(rows, 1, file);
	for (int i = 0, at = 1; i < filter->n; i++) {
		const struct constraint *constraint = &filter->constraints[i];
		if (constraint->column != 0 && constraint->column != source->n_columns &&
		    constraint->column != source->n_columns + 1)
			sqlite3_bind_value(rows, ++at, constraint->value);
	}
	return rows;
}

int row_cache_rows(struct row_cache *cache, const struct row_source *source, const char *path,
		   const struct filter *filter, sqlite3_stmt **out, struct matr_error *err)
{
	int64_t file = 0;

	*out = NULL;
	if (source->work < WORTH)
		return 0;
	if (make_table(cache, source, err) < 0)
		return -1;
	int result = find_or_keep(cache, source, path, &file, err);
	if (result <= 0)
		return result;
	*out = select_rows(cache, source, file, filter, err);
	return *out ? 1 : -1;
}

int row_cache_column(const struct row_source *source, int i)
{
	/* File, number, then all but the path and the arguments. */
	return i < source->n_columns ? i + 1 : i - 1;
}
