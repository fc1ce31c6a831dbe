/* epoch.c - the rows of an epoch. */
#include "store/epoch.h"

#include <stdlib.h>
#include <string.h>

#include "base/file_id.h"
#include "store/blob.h"
#include "store/statement.h"

/* A file system may round times down to two seconds (FAT), and its clock may tick only now and
 * then. */
static const int64_t slack = INT64_C(2000000000);

void store_previous_free(struct store_previous *previous)
{
	matr_scan_free(previous->scan);
	probes_free(&previous->probes);
	*previous = (struct store_previous){.id = 0};
}

/* A blob of an epoch while it is decoded. */
struct opened_blob {
	uint8_t *contents;
	struct varint_cursor cursor;
};

static int blob_open(struct matr_store *store, int64_t blob, struct opened_blob *out,
		     struct matr_error *err)
{
	size_t size;

	if (store_blob_get(store, blob, &out->contents, &size, err) != 0)
		return -1;
	out->cursor = (struct varint_cursor){.at = out->contents, .end = out->contents + size};
	return 0;
}

/* Returns the result of decoding it. Decoding reports all errors except damage. */
static int blob_close(struct matr_store *store, struct opened_blob *opened, int result,
		      const char *what, struct matr_error *err)
{
	free(opened->contents);
	return result != 0 && opened->cursor.damaged ? store_damaged(store, err, what) : result;
}

static int read_probes(struct matr_store *store, int64_t blob, struct probes *out,
		       struct matr_error *err)
{
	struct opened_blob opened;

	if (blob_open(store, blob, &opened, err) != 0)
		return -1;
	int result = probes_decode(&opened.cursor, out, err);
	return blob_close(store, &opened, result, "probes of an epoch", err);
}

static int read_scan(struct matr_store *store, int64_t blob, struct matr_scan **out,
		     struct matr_error *err)
{
	struct opened_blob opened;

	if (blob_open(store, blob, &opened, err) != 0)
		return -1;
	int result = scan_decode(&opened.cursor, out, err);
	return blob_close(store, &opened, result, "scan of an epoch", err);
}

int store_previous(struct matr_store *store, int64_t epoch, const char *circumstances,
		   struct store_previous *out, struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store,
		"SELECT id, begun, scan_blob_id, probes_blob_id, circumstances = ?2,"
		" coalesce(image_epoch, id) FROM epochs"
		" WHERE id < ?1 ORDER BY id DESC LIMIT 1",
		err);

	*out = (struct store_previous){.id = 0};
	if (!row)
		return -1;
	store_bind(row, 1, epoch);
	store_bind_text(row, 2, circumstances);
	int found = store_step(store, row, err);
	int64_t id = 0, begun = 0, scan = 0, probes = 0;
	if (found > 0 && sqlite3_column_int64(row, 4)) {
		id = sqlite3_column_int64(row, 0);
		begun = sqlite3_column_int64(row, 1);
		scan = sqlite3_column_int64(row, 2);
		probes = sqlite3_column_int64(row, 3);
		out->image = sqlite3_column_int64(row, 5);
	}
	sqlite3_reset(row);
	if (found < 0)
		return -1;
	if (!id || !probes)
		return 0;
	out->id = id;
	out->trusted = begun * INT64_C(1000000000) - slack;
	if (read_probes(store, probes, &out->probes, err) != 0)
		return -1;
	return scan ? read_scan(store, scan, &out->scan, err) : 0;
}

int store_probes(struct matr_store *store, int64_t epoch, struct probes *out,
		 struct matr_error *err)
{
	sqlite3_stmt *row = store_statement_for(
		store, "SELECT probes_blob_id FROM epochs WHERE id = ?1", epoch, err);
	int64_t blob;

	*out = (struct probes){.n = 0};
	if (store_step_id(store, row, &blob, err) < 0)
		return -1;
	return blob ? read_probes(store, blob, out, err) : 0;
}

int store_newest_circumstances(struct matr_store *store, char **out, bool *portable,
			       struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store, "SELECT circumstances, portable FROM epochs ORDER BY id DESC LIMIT 1", err);

	*out = NULL;
	if (!row)
		return -1;
	int found = store_step(store, row, err);
	if (found > 0) {
		*portable = sqlite3_column_int(row, 1) != 0;
		if (store_column_text(row, 0, out, err) != 0)
			found = -1;
	}
	sqlite3_reset(row);
	return found;
}

static int put_blob(struct matr_store *store, struct store_blob *blob, int64_t *id,
		    struct matr_error *err)
{
	int result = store_blob_hash(blob, err);
	if (result == 0)
		result = store_blob_put(store, blob, id, err);
	store_blob_free(blob);
	return result;
}

int store_set_inputs(struct matr_store *store, int64_t epoch, const char *circumstances,
		     const struct matr_scan *scan, const struct probes *probes,
		     struct matr_error *err)
{
	struct store_blob blob = {.data = NULL};
	int64_t scan_id = 0, probes_id;

	if (scan) {
		scan_encode(scan, &blob.contents);
		if (put_blob(store, &blob, &scan_id, err) != 0)
			return -1;
	}
	blob = (struct store_blob){.data = NULL};
	probes_encode(probes, &blob.contents);
	if (put_blob(store, &blob, &probes_id, err) != 0)
		return -1;
	sqlite3_stmt *update =
		store_statement(store,
				"UPDATE epochs SET circumstances = ?2, scan_blob_id = ?3,"
				" probes_blob_id = ?4 WHERE id = ?1",
				err);
	if (!update)
		return -1;
	store_bind(update, 1, epoch);
	store_bind_text(update, 2, circumstances);
	if (scan_id)
		store_bind(update, 3, scan_id);
	store_bind(update, 4, probes_id);
	return store_execute(store, update, err);
}

static int put_skipped(struct matr_store *store, int64_t epoch, const char *kind, size_t n,
		       struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store, "INSERT INTO skipped (epoch_id, kind, files) VALUES (?1, ?2, ?3)", err);
	if (!insert)
		return -1;
	store_bind(insert, 1, epoch);
	store_bind_text(insert, 2, kind);
	store_bind(insert, 3, (int64_t)n);
	return store_execute(store, insert, err);
}

int store_set_skipped(struct matr_store *store, int64_t epoch, const struct matr_scan *scan,
		      struct matr_error *err)
{
	for (int kind = 0; kind < MATR_SCAN_KINDS; kind++)
		if (scan->skipped[kind] && put_skipped(store, epoch, matr_scan_kind_name(kind),
						       scan->skipped[kind], err) != 0)
			return -1;
	if (scan->n_unreadable)
		return put_skipped(store, epoch, "unreadable directory", scan->n_unreadable, err);
	return 0;
}

int store_count_programs(struct matr_store *store, int64_t epoch, size_t *n, struct matr_error *err)
{
	sqlite3_stmt *row =
		store_statement_for(store,
				    "SELECT (SELECT count(*) FROM epoch_applications"
				    " WHERE epoch_id = ?1) + (SELECT count(*) FROM declined"
				    " WHERE epoch_id = ?1)",
				    epoch, err);
	int64_t count;

	if (store_step_id(store, row, &count, err) < 0)
		return -1;
	*n = (size_t)count;
	return 0;
}

int store_directories_unchanged(struct matr_store *store, int64_t previous, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement(store,
					     "SELECT p.path, e.mtime FROM epoch_directories e"
					     " JOIN directory_paths p ON p.id = e.directory_id"
					     " WHERE e.epoch_id = ?1",
					     err);
	int more, unchanged = 1;

	if (!rows)
		return -1;
	store_bind(rows, 1, previous);
	while ((more = store_step(store, rows, err)) > 0 && unchanged) {
		struct stat status;
		const char *path = (const char *)sqlite3_column_text(rows, 0);
		unchanged = path && stat(path, &status) == 0 &&
			    file_id_of(&status).mtime == sqlite3_column_int64(rows, 1);
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : unchanged;
}

int store_carry_all(struct matr_store *store, int64_t previous, int64_t epoch,
		    struct matr_error *err)
{
	static const char *const copies[] = {
		"INSERT INTO epoch_applications SELECT ?2, application_id FROM epoch_applications"
		" WHERE epoch_id = ?1",
		"INSERT INTO epoch_directories SELECT ?2, directory_id, mtime FROM "
		"epoch_directories"
		" WHERE epoch_id = ?1",
		"INSERT INTO declined SELECT ?2, path, reason, own_file FROM declined WHERE "
		"epoch_id = ?1",
		"INSERT INTO skipped SELECT ?2, kind, files FROM skipped WHERE epoch_id = ?1",
		"UPDATE epochs SET (circumstances, scan_blob_id, probes_blob_id) ="
		" (SELECT circumstances, scan_blob_id, probes_blob_id FROM epochs WHERE id = ?1)"
		" WHERE id = ?2",
	};

	for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
		sqlite3_stmt *copy = store_statement(store, copies[i], err);
		if (!copy)
			return -1;
		store_bind(copy, 1, previous);
		store_bind(copy, 2, epoch);
		if (store_execute(store, copy, err) != 0)
			return -1;
	}
	return 0;
}

int store_set_image(struct matr_store *store, int64_t epoch, int64_t image, struct matr_error *err)
{
	sqlite3_stmt *update =
		store_statement(store, "UPDATE epochs SET image_epoch = ?2 WHERE id = ?1", err);
	if (!update)
		return -1;
	store_bind(update, 1, epoch);
	store_bind(update, 2, image);
	return store_execute(store, update, err);
}

/* ---- applications ---- */

void store_recorded_scopes_free(struct store_recorded_scopes *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct store_recorded_scope *recorded = &list->list[i];
		for (size_t n = 0; n < recorded->n_scope; n++)
			free(recorded->scope[n].path);
		free(recorded->scope);
		free(recorded->path);
		free(recorded->library_path);
	}
	free(list->list);
	*list = (struct store_recorded_scopes){.n = 0};
}

static int read_scope(struct matr_store *store, struct store_recorded_scope *recorded,
		      struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT l.object_id, l.path, s.rule, s.loaded_by, coalesce(s.needed, -1)"
		" FROM scope_entries s JOIN locations l ON l.id = s.location_id"
		" WHERE s.application_id = ?1 ORDER BY s.position",
		recorded->application, err);
	struct store_recorded_entry *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		item->object = sqlite3_column_int64(statement, 0);
		item->rule = (uint32_t)sqlite3_column_int64(statement, 2);
		item->loaded_by = (uint32_t)sqlite3_column_int64(statement, 3);
		item->needed = sqlite3_column_int64(statement, 4);
		store_row_text(&rows, 1, &item->path, err);
	}
	recorded->scope = rows.items;
	recorded->n_scope = rows.n;
	return rows.failed ? -1 : 0;
}

int store_read_recorded_scopes(struct matr_store *store, int64_t epoch,
			       struct store_recorded_scopes *out, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT id, path, flags, interpreter, library_path, EXISTS (SELECT 1"
		" FROM closures c WHERE c.application_id = a.id) FROM applications a"
		" WHERE epoch_id = ?1 ORDER BY path",
		epoch, err);
	struct store_recorded_scope *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		item->application = sqlite3_column_int64(statement, 0);
		item->flags = (uint32_t)sqlite3_column_int64(statement, 2);
		item->interpreter = (uint32_t)sqlite3_column_int64(statement, 3);
		item->has_closures = sqlite3_column_int64(statement, 5) != 0;
		store_row_text(&rows, 1, &item->path, err);
		store_row_text(&rows, 4, &item->library_path, err);
	}
	*out = (struct store_recorded_scopes){.list = rows.items, .n = rows.n};
	int result = rows.failed ? -1 : 0;
	for (size_t i = 0; i < out->n && result == 0; i++)
		result = read_scope(store, &out->list[i], err);
	if (result != 0)
		store_recorded_scopes_free(out);
	return result;
}

static int compare_path(const void *path, const void *recorded)
{
	return strcmp(path, ((const struct store_recorded_scope *)recorded)->path);
}

const struct store_recorded_scope *
store_recorded_scope_find(const struct store_recorded_scopes *list, const char *path)
{
	return list->n ? bsearch(path, list->list, list->n, sizeof *list->list, compare_path)
		       : NULL;
}
