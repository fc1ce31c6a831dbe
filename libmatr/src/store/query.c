/* query.c - the lists that status, inspect and verify start from. */
#include <matr/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/statement.h"

/* Fail with the epochs that are there. */
static int fail_no_epoch(struct matr_store *store, int64_t id, struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store, "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM epochs", err);
	if (!row || store_step(store, row, err) < 0)
		return -1;
	long long first = sqlite3_column_int64(row, 0), last = sqlite3_column_int64(row, 1);
	sqlite3_reset(row);
	return matr_fail(err, MATR_ERROR_NOT_FOUND, store->path,
			 "no record of epoch %lld; kept are %lld to %lld", (long long)id, first,
			 last);
}

int matr_store_epoch(struct matr_store *store, int64_t id, struct matr_store_epoch *out,
		     struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store,
		"SELECT id, begun, ended, cpu_level, coalesce(image_epoch, id),"
		" (SELECT count(*) FROM applications WHERE epoch_id = e.id),"
		" (SELECT count(*) FROM declined WHERE epoch_id = e.id),"
		" (SELECT count(*) FROM epoch_applications a JOIN application_records r"
		"  ON r.id = a.application_id WHERE a.epoch_id = e.id AND r.since < e.id),"
		" (SELECT count(DISTINCT l.object_id) FROM locations l WHERE EXISTS"
		"  (SELECT 1 FROM scope_entries s JOIN epoch_applications a"
		"   ON a.application_id = s.application_id"
		"   WHERE s.location_id = l.id AND a.epoch_id = e.id)), portable,"
		" (SELECT count(*) FROM epoch_applications a JOIN closures c"
		"  ON c.application_id = a.application_id WHERE a.epoch_id = e.id),"
		" (SELECT count(c.reason) FROM epoch_applications a JOIN closures c"
		"  ON c.application_id = a.application_id WHERE a.epoch_id = e.id), cause"
		" FROM epochs e WHERE ?1 = 0 OR id = ?1 ORDER BY id DESC LIMIT 1",
		err);
	if (!row)
		return -1;
	store_bind(row, 1, id);
	int found = store_step(store, row, err);
	if (found < 0)
		return -1;
	if (found == 0 && id)
		return fail_no_epoch(store, id, err);
	if (found == 0)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, store->path, "no epoch was begun yet");
	const unsigned char *cpu_level = sqlite3_column_text(row, 3);
	*out = (struct matr_store_epoch){
		.id = sqlite3_column_int64(row, 0),
		.begun = sqlite3_column_int64(row, 1),
		.ended = sqlite3_column_int64(row, 2),
		.image = sqlite3_column_int64(row, 4),
		.applications = (size_t)sqlite3_column_int64(row, 5),
		.declined = (size_t)sqlite3_column_int64(row, 6),
		.carried = (size_t)sqlite3_column_int64(row, 7),
		.objects = (size_t)sqlite3_column_int64(row, 8),
		.portable = sqlite3_column_int64(row, 9) != 0,
		.closures = (size_t)sqlite3_column_int64(row, 10),
		.closures_left = (size_t)sqlite3_column_int64(row, 11),
	};
	snprintf(out->cpu_level, sizeof out->cpu_level, "%s",
		 cpu_level ? (const char *)cpu_level : "");
	const unsigned char *cause = sqlite3_column_text(row, 12);
	snprintf(out->cause, sizeof out->cause, "%s", cause ? (const char *)cause : "");
	sqlite3_reset(row);
	return 0;
}

int matr_store_epoch_of_image(struct matr_store *store, int64_t image, struct matr_store_epoch *out,
			      struct matr_error *err)
{
	sqlite3_stmt *row = store_statement_for(
		store, "SELECT max(id) FROM epochs WHERE coalesce(image_epoch, id) = ?1", image,
		err);
	int64_t id;

	if (store_step_id(store, row, &id, err) < 0)
		return -1;
	if (!id)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, store->path, "no record of epoch %lld",
				 (long long)image);
	return matr_store_epoch(store, id, out, err);
}

int matr_store_applications(struct matr_store *store, int64_t epoch,
			    struct matr_store_application **out, size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement =
		store_statement_for(store,
				    "SELECT r.id, r.path, r.since < ?1 FROM epoch_applications a"
				    " JOIN application_records r ON r.id = a.application_id"
				    " WHERE a.epoch_id = ?1 ORDER BY r.id",
				    epoch, err);
	struct matr_store_application *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		item->id = sqlite3_column_int64(statement, 0);
		store_row_text(&rows, 1, &item->path, err);
		item->carried = sqlite3_column_int64(statement, 2) != 0;
	}
	if (rows.failed) {
		matr_store_applications_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

void matr_store_applications_free(struct matr_store_application *applications, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(applications[i].path);
	free(applications);
}

int matr_store_skipped(struct matr_store *store, int64_t epoch, struct matr_store_skipped **out,
		       size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store, "SELECT kind, files FROM skipped WHERE epoch_id = ?1 ORDER BY kind", epoch,
		err);
	struct matr_store_skipped *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		store_row_text(&rows, 0, &item->kind, err);
		item->files = (uint64_t)sqlite3_column_int64(statement, 1);
	}
	if (rows.failed) {
		matr_store_skipped_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

void matr_store_skipped_free(struct matr_store_skipped *skipped, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(skipped[i].kind);
	free(skipped);
}

int matr_store_files(struct matr_store *store, int64_t epoch, struct matr_store_file **out,
		     size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT path, device, inode, size, mtime, ctime FROM objects WHERE id IN"
		" (SELECT l.object_id FROM applications a"
		"  JOIN scope_entries s ON s.application_id = a.id"
		"  JOIN locations l ON l.id = s.location_id WHERE a.epoch_id = ?1"
		"  UNION SELECT l.object_id FROM applications a"
		"  JOIN closures c ON c.application_id = a.id"
		"  JOIN closure_entries s ON s.closure_id = c.id"
		"  JOIN locations l ON l.id = s.location_id WHERE a.epoch_id = ?1) ORDER BY path",
		epoch, err);
	struct matr_store_file *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		store_row_text(&rows, 0, &item->path, err);
		item->id = store_column_file_id(statement, 1);
	}
	if (rows.failed) {
		matr_store_files_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

void matr_store_files_free(struct matr_store_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(files[i].path);
	free(files);
}

/* ---- finding one application ---- */

/* 1 found, 0 not, -1 error; so does find_by_file(). */
static int find_by_path(struct matr_store *store, int64_t epoch, const char *path, int64_t *id,
			struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store, "SELECT id FROM applications WHERE epoch_id = ?1 AND path = ?2", err);
	if (!row)
		return -1;
	store_bind(row, 1, epoch);
	store_bind_text(row, 2, path);
	int found = store_step(store, row, err);
	if (found > 0)
		*id = sqlite3_column_int64(row, 0);
	sqlite3_reset(row);
	return found;
}

/* The application whose file the path is now a link to. */
static int find_by_file(struct matr_store *store, int64_t epoch, uint64_t device, uint64_t inode,
			int64_t *id, struct matr_error *err)
{
	sqlite3_stmt *row =
		store_statement(store,
				"SELECT a.id FROM objects o JOIN locations l ON l.object_id = o.id"
				" JOIN scope_entries s ON s.location_id = l.id AND s.position = 0"
				" JOIN applications a ON a.id = s.application_id"
				" WHERE a.epoch_id = ?1 AND o.inode = ?2 AND o.device = ?3 LIMIT 1",
				err);
	if (!row)
		return -1;
	store_bind(row, 1, epoch);
	store_bind(row, 2, (int64_t)inode);
	store_bind(row, 3, (int64_t)device);
	int found = store_step(store, row, err);
	if (found > 0)
		*id = sqlite3_column_int64(row, 0);
	sqlite3_reset(row);
	return found;
}

static int fail_not_found(struct matr_store *store, int64_t epoch, const char *path,
			  struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store, "SELECT reason FROM declined WHERE epoch_id = ?1 AND path = ?2", err);
	if (!row)
		return -1;
	store_bind(row, 1, epoch);
	store_bind_text(row, 2, path);
	int found = store_step(store, row, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, path, "not in epoch %lld",
				 (long long)epoch);
	matr_fail(err, MATR_ERROR_NOT_FOUND, path, "declined when epoch %lld began: %s",
		  (long long)epoch, (const char *)sqlite3_column_text(row, 0));
	sqlite3_reset(row);
	return -1;
}

int matr_store_find(struct matr_store *store, int64_t epoch, const char *path, int64_t *application,
		    struct matr_error *err)
{
	struct stat status;
	int found = find_by_path(store, epoch, path, application, err);

	if (found == 0 && stat(path, &status) == 0)
		found = find_by_file(store, epoch, status.st_dev, status.st_ino, application, err);
	if (found == 0)
		return fail_not_found(store, epoch, path, err);
	return found < 0 ? -1 : 0;
}
