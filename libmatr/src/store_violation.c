/* store_violation.c - what was changed in an epoch, and who was withdrawn for it. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

int matr_store_add_violation(struct matr_store *store, int64_t epoch,
			     const struct matr_violation *violation, const int64_t *applications,
			     size_t n, struct matr_error *err)
{
	sqlite3_stmt *insert = matr_statement(
		store,
		"INSERT INTO violations (epoch_id, time, path, kind, action, pid, uid, command,"
		" detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		err);
	if (!insert)
		return -1;
	matr_bind(insert, 1, epoch);
	matr_bind(insert, 2, violation->time);
	matr_bind_text(insert, 3, violation->path);
	matr_bind_text(insert, 4, violation->kind);
	matr_bind_text(insert, 5, violation->action);
	if (violation->pid > 0)
		matr_bind(insert, 6, violation->pid);
	if (violation->uid >= 0)
		matr_bind(insert, 7, violation->uid);
	matr_bind_text(insert, 8, violation->command);
	matr_bind_text(insert, 9, violation->detail);
	if (matr_execute(store, insert, err) != 0)
		return -1;
	int64_t id = sqlite3_last_insert_rowid(store->db);
	for (size_t i = 0; i < n; i++) {
		insert = matr_statement(store,
					"INSERT OR IGNORE INTO withdrawals (violation_id,"
					" application_id) VALUES (?1, ?2)",
					err);
		if (!insert)
			return -1;
		matr_bind(insert, 1, id);
		matr_bind(insert, 2, applications[i]);
		if (matr_execute(store, insert, err) != 0)
			return -1;
	}
	return 0;
}

void matr_store_violations_free(struct matr_violation *violations, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(violations[i].path);
		free(violations[i].kind);
		free(violations[i].action);
		free(violations[i].command);
		free(violations[i].detail);
		for (size_t k = 0; k < violations[i].n_withdrawn; k++)
			free(violations[i].withdrawn[k]);
		free(violations[i].withdrawn);
	}
	free(violations);
}

static int read_withdrawn(struct matr_store *store, int64_t id, struct matr_violation *out,
			  struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		store,
		"SELECT DISTINCT r.path FROM withdrawals w JOIN application_records r ON"
		" r.id = w.application_id WHERE w.violation_id = ?1 ORDER BY r.path",
		err);
	int more;

	if (!rows)
		return -1;
	matr_bind(rows, 1, id);
	while ((more = matr_step(store, rows, err)) > 0) {
		char **grown = realloc(out->withdrawn, (out->n_withdrawn + 1) * sizeof *grown);
		if (!grown) {
			more = matr_fail_memory(err);
			break;
		}
		out->withdrawn = grown;
		if ((more = matr_column_text(rows, 0, &grown[out->n_withdrawn], err)) != 0)
			break;
		out->n_withdrawn++;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : 0;
}

static int read_row(sqlite3_stmt *row, struct matr_violation *out, struct matr_error *err)
{
	*out = (struct matr_violation){
		.time = sqlite3_column_int64(row, 1),
		.pid = sqlite3_column_int64(row, 5),
		.uid = sqlite3_column_type(row, 6) == SQLITE_NULL ? -1
								  : sqlite3_column_int64(row, 6),
	};
	if (matr_column_text(row, 2, &out->path, err) != 0 ||
	    matr_column_text(row, 3, &out->kind, err) != 0 ||
	    matr_column_text(row, 4, &out->action, err) != 0 ||
	    matr_column_text(row, 7, &out->command, err) != 0 ||
	    matr_column_text(row, 8, &out->detail, err) != 0)
		return -1;
	return out->path && out->kind && out->action ? 0 : matr_fail_memory(err);
}

int matr_store_violations(struct matr_store *store, int64_t epoch, struct matr_violation **out,
			  size_t *n, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		store,
		"SELECT id, time, path, kind, action, pid, uid, command, detail FROM violations"
		" WHERE epoch_id = ?1 ORDER BY id",
		err);
	struct matr_violation *list = NULL;
	size_t count = 0;
	int more;

	*out = NULL;
	*n = 0;
	if (!rows)
		return -1;
	matr_bind(rows, 1, epoch);
	while ((more = matr_step(store, rows, err)) > 0) {
		struct matr_violation *grown = realloc(list, (count + 1) * sizeof *grown);
		if (!grown) {
			more = matr_fail_memory(err);
			break;
		}
		list = grown;
		int result = read_row(rows, &list[count], err);
		count++;
		if (result != 0 || read_withdrawn(store, sqlite3_column_int64(rows, 0),
						  &list[count - 1], err) != 0) {
			more = -1;
			break;
		}
	}
	sqlite3_reset(rows);
	if (more < 0) {
		matr_store_violations_free(list, count);
		return -1;
	}
	*out = list;
	*n = count;
	return 0;
}
