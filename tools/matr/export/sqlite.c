/* sqlite.c - an export as an SQLite database of plain tables. */
#include "matr/export/sinks.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct export_sqlite {
	sqlite3 *db;
	int fd;
	sqlite3_stmt *inserts[EXPORT_TABLES];
	unsigned tables;
	struct text scratch;
};

static int fail(const struct export_sqlite *sqlite, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_STORE, "SQLite", "%s",
			 sqlite->db ? sqlite3_errmsg(sqlite->db) : "out of memory");
}

static int run(const struct export_sqlite *sqlite, const char *sql, struct matr_error *err)
{
	return sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(sqlite, err);
}

/* Open a database whose file loses its name at once: SQLite keeps it open. */
static int open_nameless(struct export_sqlite *sqlite, struct matr_error *err)
{
	const char *directory = getenv("TMPDIR");
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/matr-export.XXXXXX",
		 directory && *directory ? directory : "/tmp");
	sqlite->fd = mkostemp(path, O_CLOEXEC);
	if (sqlite->fd < 0)
		return matr_fail_errno(err, path, "cannot be made");
	int failed = sqlite3_open_v2(path, &sqlite->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
		     sqlite3_exec(sqlite->db,
				  "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
				  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 8192;"
				  "BEGIN",
				  NULL, NULL, NULL) != SQLITE_OK;
	unlink(path);
	return failed ? fail(sqlite, err) : 0;
}

int export_sqlite_open(unsigned tables, struct export_sqlite **out, struct matr_error *err)
{
	struct export_sqlite *sqlite = calloc(1, sizeof *sqlite);
	struct text schema = {0};

	*out = sqlite;
	if (!sqlite)
		return matr_fail_memory(err);
	sqlite->fd = -1;
	sqlite->tables = tables;
	if (open_nameless(sqlite, err) != 0)
		return -1;
	export_add_schema(&schema, tables, false);
	int result = schema.failed ? matr_fail_memory(err) : run(sqlite, text_string(&schema), err);
	for (int table = 0; table < EXPORT_TABLES && result == 0; table++) {
		if (!(tables & 1U << table))
			continue;
		text_clear(&schema);
		text_printf(&schema, "INSERT INTO \"%s\" VALUES (?", export_schemas[table].name);
		for (int i = 1; i < export_schemas[table].n_columns; i++)
			text_add_string(&schema, ",?");
		text_add_string(&schema, ")");
		if (sqlite3_prepare_v2(sqlite->db, text_string(&schema), -1,
				       &sqlite->inserts[table], NULL) != SQLITE_OK)
			result = fail(sqlite, err);
	}
	text_free(&schema);
	return result;
}

int export_sqlite_row(void *context, enum export_table table, const struct export_value *values,
		      struct matr_error *err)
{
	struct export_sqlite *sqlite = context;
	sqlite3_stmt *insert = sqlite->inserts[table];
	const char *bytes;
	size_t size;

	for (int i = 0; i < export_schemas[table].n_columns; i++) {
		int failed;
		if (values[i].is_null) {
			failed = sqlite3_bind_null(insert, i + 1);
		} else if (!values[i].text) {
			failed = sqlite3_bind_int64(insert, i + 1, values[i].number);
		} else {
			export_portable(&values[i], &sqlite->scratch, &bytes, &size);
			/* The scratch text is used again. */
			failed = sqlite3_bind_text(insert, i + 1, bytes, (int)size,
						   bytes == values[i].text ? SQLITE_STATIC
									   : SQLITE_TRANSIENT);
		}
		if (failed)
			return fail(sqlite, err);
	}
	int stepped = sqlite3_step(insert);
	sqlite3_reset(insert);
	return stepped == SQLITE_DONE ? 0 : fail(sqlite, err);
}

int export_sqlite_finish(struct export_sqlite *sqlite, struct export_out *out,
			 struct matr_error *err)
{
	if (run(sqlite, "COMMIT", err) != 0)
		return -1;
	return export_out_copy(out, sqlite->fd, err);
}

void export_sqlite_free(struct export_sqlite *sqlite)
{
	if (!sqlite)
		return;
	for (int table = 0; table < EXPORT_TABLES; table++)
		sqlite3_finalize(sqlite->inserts[table]);
	sqlite3_close(sqlite->db);
	if (sqlite->fd >= 0)
		close(sqlite->fd);
	text_free(&sqlite->scratch);
	free(sqlite);
}
