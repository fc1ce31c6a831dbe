/* mapping.c - applications: scope, directories, and which binding vector each object has. */
#include "store/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "store/binding.h"
#include "store/entries.h"
#include "store/object.h"
#include "store/statement.h"

/* ---- writing ---- */

/* Test whether the epoch has an application of that path. Returns 1 if so, 0 if not, -1 on
 * error. */
static int has_application(struct matr_store *store, int64_t epoch, const char *path,
			   struct matr_error *err)
{
	sqlite3_stmt *select =
		store_statement(store,
				"SELECT 1 FROM application_records r"
				" JOIN epoch_applications e ON e.application_id = r.id"
				" WHERE r.path = ?1 AND e.epoch_id = ?2",
				err);
	if (!select)
		return -1;
	store_bind_text(select, 1, path);
	store_bind(select, 2, epoch);
	int found = store_step(store, select, err);
	sqlite3_reset(select);
	return found;
}

int store_carry(struct matr_store *store, int64_t epoch, int64_t application,
		struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store, "INSERT INTO epoch_applications (epoch_id, application_id) VALUES (?1, ?2)",
		err);
	if (!insert)
		return -1;
	store_bind(insert, 1, epoch);
	store_bind(insert, 2, application);
	return store_execute(store, insert, err);
}

static int insert_application(struct matr_store *store, int64_t epoch,
			      const struct matr_mapping *mapping, int64_t *id,
			      struct matr_error *err)
{
	int there = has_application(store, epoch, mapping->scope[0].path, err);

	*id = 0;
	if (there != 0)
		return there < 0 ? -1 : 0;
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT INTO application_records (path, flags, interpreter, library_path, since)"
		" VALUES (?1, ?2, ?3, ?4, ?5)",
		err);
	if (!insert)
		return -1;
	store_bind_text(insert, 1, mapping->scope[0].path);
	store_bind(insert, 2, mapping->flags);
	store_bind(insert, 3, mapping->interpreter);
	store_bind_text(insert, 4, mapping->library_path);
	store_bind(insert, 5, epoch);
	if (store_execute(store, insert, err) != 0)
		return -1;
	*id = sqlite3_last_insert_rowid(store->db);
	return store_carry(store, epoch, *id, err);
}

/* The id of a directory's path. */
static int put_directory_path(struct matr_store *store, const char *path, int64_t *id,
			      struct matr_error *err)
{
	sqlite3_stmt *insert =
		store_statement(store,
				"INSERT INTO directory_paths (path) VALUES (?1)"
				" ON CONFLICT DO UPDATE SET path = path RETURNING id",
				err);
	if (!insert)
		return -1;
	store_bind_text(insert, 1, path);
	int found = store_step(store, insert, err);
	if (found > 0)
		*id = sqlite3_column_int64(insert, 0);
	/* The row is written when the statement has run to its end. */
	if (found > 0 && store_step(store, insert, err) < 0)
		found = -1;
	sqlite3_reset(insert);
	return found < 0 ? -1 : 0;
}

/* Record the time of a directory. The first call for a directory counts: its time is the oldest,
 * and a later one may hide a change. */
static int put_directory_time(struct matr_store *store, int64_t epoch, int64_t directory,
			      int64_t mtime, struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT INTO epoch_directories (epoch_id, directory_id, mtime) VALUES (?1, ?2, ?3)"
		" ON CONFLICT DO NOTHING",
		err);
	if (!insert)
		return -1;
	store_bind(insert, 1, epoch);
	store_bind(insert, 2, directory);
	store_bind(insert, 3, mtime);
	return store_execute(store, insert, err);
}

int store_directory(struct matr_store *store, int64_t epoch, const struct matr_directory *directory,
		    int64_t *id, struct matr_error *err)
{
	if (put_directory_path(store, directory->path, id, err) != 0)
		return -1;
	return put_directory_time(store, epoch, *id, directory->mtime, err);
}

int store_same_directories(struct matr_store *store, int64_t application,
			   const struct matr_directory *directories, size_t n,
			   struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement(store,
					     "SELECT p.path FROM application_directories a"
					     " JOIN directory_paths p ON p.id = a.directory_id"
					     " WHERE a.application_id = ?1 ORDER BY a.position",
					     err);
	size_t i = 0;
	int more;

	if (!rows)
		return -1;
	store_bind(rows, 1, application);
	bool same = true;
	while ((more = store_step(store, rows, err)) > 0 && same) {
		const char *path = (const char *)sqlite3_column_text(rows, 0);
		same = i < n && path && strcmp(path, directories[i].path) == 0;
		i++;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : same && i == n;
}

static int put_directories(struct matr_store *store, int64_t epoch, int64_t application,
			   const struct matr_mapping *mapping, struct matr_error *err)
{
	for (size_t i = 0; i < mapping->n_directories; i++) {
		int64_t directory;
		if (store_directory(store, epoch, &mapping->directories[i], &directory, err) != 0)
			return -1;
		sqlite3_stmt *insert = store_statement(
			store,
			"INSERT INTO application_directories (application_id, position, "
			"directory_id)"
			" VALUES (?1, ?2, ?3)",
			err);
		if (!insert)
			return -1;
		store_bind(insert, 1, application);
		store_bind(insert, 2, (int64_t)i);
		store_bind(insert, 3, directory);
		if (store_execute(store, insert, err) != 0)
			return -1;
	}
	return 0;
}

static const char insert_scope_entry[] =
	"INSERT INTO scope_entries (application_id, position, location_id, rule, loaded_by,"
	" needed, vector_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

int store_encode_mapping(const struct matr_store *store, const struct matr_mapping *mapping,
			 struct store_encoded_mapping *out, struct matr_error *err)
{
	*out = (struct store_encoded_mapping){
		.ids = calloc(mapping->n_scope, sizeof *out->ids),
		.vectors = calloc(mapping->n_scope, sizeof *out->vectors),
		.n = mapping->n_scope,
	};
	if (!out->ids || !out->vectors)
		return matr_fail_memory(err);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		if (!store_object_id(store, object, &out->ids[i]))
			return matr_fail(err, MATR_ERROR_STORE, store->path, "%s was not written",
					 object->path);
	}
	for (size_t i = 0; i < mapping->n_scope; i++)
		if (mapping->scope[i].object->n_relocations > 0 && mapping->objects[i].bindings &&
		    store_encode_vector(mapping, i, out->ids, &out->vectors[i], err) != 0)
			return -1;
	return 0;
}

void store_encoded_mapping_free(struct store_encoded_mapping *encoded)
{
	for (size_t i = 0; encoded->vectors && i < encoded->n; i++)
		store_encoded_vector_free(&encoded->vectors[i]);
	free(encoded->vectors);
	free(encoded->ids);
	*encoded = (struct store_encoded_mapping){.n = 0};
}

int store_add_encoded(struct matr_store *store, int64_t epoch, const struct matr_mapping *mapping,
		      struct store_encoded_mapping *encoded, int64_t *application,
		      struct matr_error *err)
{
	if (insert_application(store, epoch, mapping, application, err) != 0)
		return -1;
	if (*application == 0)
		return 0;
	for (size_t i = 0; i < mapping->n_scope; i++)
		if (store_put_entry(store, insert_scope_entry, *application, mapping, i, encoded,
				    err) != 0)
			return -1;
	return put_directories(store, epoch, *application, mapping, err);
}

int store_remove(struct matr_store *store, int64_t epoch, int64_t application,
		 struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store, "DELETE FROM epoch_applications WHERE epoch_id = ?1 AND application_id = ?2",
		err);
	if (!statement)
		return -1;
	store_bind(statement, 1, epoch);
	store_bind(statement, 2, application);
	store->has_orphans = true;
	return store_execute(store, statement, err);
}

/* ---- reading ---- */

static int read_application(struct matr_store *store, int64_t application,
			    struct matr_mapping *mapping, struct matr_error *err)
{
	sqlite3_stmt *row =
		store_statement(store,
				"SELECT flags, interpreter, (SELECT count(*) FROM scope_entries"
				" WHERE application_id = ?1), (SELECT count(*) FROM"
				" application_directories WHERE application_id = ?1), library_path"
				" FROM application_records WHERE id = ?1",
				err);
	if (!row)
		return -1;
	store_bind(row, 1, application);
	int found = store_step(store, row, err);
	if (found <= 0)
		return found < 0 ? -1 : store_damaged(store, err, "application missing");
	mapping->flags = (uint32_t)sqlite3_column_int64(row, 0);
	mapping->interpreter = (uint32_t)sqlite3_column_int64(row, 1);
	size_t n_scope = (size_t)sqlite3_column_int64(row, 2);
	size_t n_directories = (size_t)sqlite3_column_int64(row, 3);
	int copied = store_column_text(row, 4, &mapping->library_path, err);
	sqlite3_reset(row);
	if (copied != 0)
		return -1;
	if (n_scope == 0 || mapping->interpreter > n_scope)
		return store_damaged(store, err, "application without a scope");
	mapping->scope = calloc(n_scope, sizeof *mapping->scope);
	mapping->objects = calloc(n_scope, sizeof *mapping->objects);
	mapping->directories = calloc(n_directories + 1, sizeof *mapping->directories);
	if (!mapping->scope || !mapping->objects || !mapping->directories)
		return matr_fail_memory(err);
	mapping->n_scope = n_scope;
	mapping->n_directories = n_directories;
	return 0;
}

/* The directories of an application as its newest epoch found them. *out: free each path, then the
 * list. */
static int application_directories(struct matr_store *store, int64_t application,
				   struct matr_directory **out, size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT path, mtime FROM directories WHERE application_id = ?1 AND epoch_id ="
		" (SELECT max(epoch_id) FROM epoch_applications WHERE application_id = ?1)"
		" ORDER BY position",
		application, err);
	struct matr_directory *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		store_row_text(&rows, 0, &item->path, err);
		item->mtime = sqlite3_column_int64(statement, 1);
	}
	*out = rows.items;
	*n = rows.n;
	return rows.failed ? -1 : 0;
}

static int read_directories(struct matr_store *store, int64_t application,
			    struct matr_mapping *mapping, struct matr_error *err)
{
	size_t n = mapping->n_directories;

	free(mapping->directories);
	mapping->directories = NULL;
	int result = application_directories(store, application, &mapping->directories,
					     &mapping->n_directories, err);
	return result == 0 && mapping->n_directories != n ? store_damaged(store, err, "directories")
							  : result;
}

static const char select_scope_entries[] =
	"SELECT l.object_id, l.path, s.rule, s.loaded_by, s.needed, s.vector_id, s.position"
	" FROM scope_entries s JOIN locations l ON l.id = s.location_id"
	" WHERE s.application_id = ?1 ORDER BY s.position";

int store_get_mapping(struct matr_store *store, int64_t application, bool with_bindings,
		      struct matr_mapping **out, struct store_scope_row **out_rows,
		      struct matr_error *err)
{
	struct matr_mapping *mapping = calloc(1, sizeof *mapping);
	struct store_scope_row *rows = NULL;

	int result = mapping ? read_application(store, application, mapping, err)
			     : matr_fail_memory(err);
	if (result == 0) {
		rows = calloc(mapping->n_scope, sizeof *rows);
		result = rows ? 0 : matr_fail_memory(err);
	}
	if (result == 0)
		result = store_get_entries(store, select_scope_entries, application, 0, mapping,
					   rows, with_bindings, err);
	if (result == 0)
		result = read_directories(store, application, mapping, err);
	if (result != 0) {
		free(rows);
		matr_mapping_free(mapping);
		return -1;
	}
	*out = mapping;
	*out_rows = rows;
	return 0;
}

int matr_store_mapping(struct matr_store *store, int64_t application, struct matr_mapping **out,
		       struct matr_error *err)
{
	struct store_scope_row *rows;

	if (store_get_mapping(store, application, true, out, &rows, err) != 0)
		return -1;
	free(rows);
	return 0;
}

/* ---- one application, compared with what is there now ---- */

int store_application_start(struct matr_store *store, int64_t application, char **path,
			    char **library_path, struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store, "SELECT path, library_path FROM application_records WHERE id = ?1", err);

	*path = *library_path = NULL;
	if (!row)
		return -1;
	store_bind(row, 1, application);
	int result = store_step(store, row, err);
	if (result > 0 && (store_column_text(row, 0, path, err) != 0 ||
			   store_column_text(row, 1, library_path, err) != 0))
		result = -1;
	sqlite3_reset(row);
	return result;
}

int store_application_file(struct matr_store *store, int64_t application, struct matr_file_id *out,
			   struct matr_error *err)
{
	sqlite3_stmt *row = store_statement_for(
		store,
		"SELECT o.device, o.inode, o.size, o.mtime, o.ctime FROM scope_entries s"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE s.application_id = ?1 AND s.position = 0",
		application, err);

	if (!row)
		return -1;
	int found = store_step(store, row, err);
	if (found > 0)
		*out = store_column_file_id(row, 0);
	sqlite3_reset(row);
	if (found == 0)
		return store_damaged(store, err, "application without an object");
	return found < 0 ? -1 : 0;
}

int store_additions(struct matr_store *store, int64_t application, char ***out, size_t *n,
		    struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store,
		"SELECT l.path FROM scope_entries s JOIN locations l ON l.id = s.location_id"
		" WHERE s.application_id = ?1 AND s.rule = ?2 ORDER BY s.position",
		err);

	if (statement) {
		store_bind(statement, 1, application);
		store_bind(statement, 2, MATR_FOUND_EDIT);
	}
	return store_rows_of_text(store, statement, out, n, err);
}

int store_same_scope(struct matr_store *store, int64_t application, int64_t closure,
		     const struct matr_scope_entry *entries, size_t n, struct matr_error *err)
{
	sqlite3_stmt *rows =
		closure ? store_statement(
				  store,
				  "SELECT l.path, o.path FROM closure_entries s JOIN locations l ON"
				  " l.id = s.location_id JOIN objects o ON o.id = l.object_id"
				  " WHERE s.closure_id = ?1 ORDER BY s.position",
				  err)
			: store_statement(
				  store,
				  "SELECT l.path, o.path FROM scope_entries s JOIN locations l ON"
				  " l.id = s.location_id JOIN objects o ON o.id = l.object_id"
				  " WHERE s.application_id = ?1 ORDER BY s.position",
				  err);
	size_t at = 0;
	bool same = true;
	int more;

	if (!rows)
		return -1;
	store_bind(rows, 1, closure ? closure : application);
	while ((more = store_step(store, rows, err)) > 0 && same) {
		const char *found = (const char *)sqlite3_column_text(rows, 0);
		const char *object = (const char *)sqlite3_column_text(rows, 1);
		same = found && object && at < n && strcmp(entries[at].path, found) == 0 &&
		       strcmp(entries[at].object->path, object) == 0;
		at++;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : same && at == n;
}

/* Test whether the store would hold the same of the object as this row has. The file and the
 * interpreter that it names do not count. Returns 1 if so, 0 if not, -1 on error. */
static int is_recorded(sqlite3_stmt *row, const struct matr_object *object, struct matr_error *err)
{
	struct matr_object as_recorded = *object;
	const void *hash = sqlite3_column_blob(row, 0);
	uint8_t now[MATR_HASH_SIZE];

	as_recorded.path = (char *)(uintptr_t)sqlite3_column_text(row, 1);
	as_recorded.interpreter = (const char *)sqlite3_column_text(row, 2);
	as_recorded.file = store_column_file_id(row, 3);
	if (!as_recorded.path || !as_recorded.interpreter ||
	    sqlite3_column_bytes(row, 0) != MATR_HASH_SIZE)
		return 0;
	if (store_object_hash(&as_recorded, now, err) != 0)
		return -1;
	return memcmp(now, hash, MATR_HASH_SIZE) == 0;
}

int store_same_program(struct matr_store *store, int64_t epoch, const char *path,
		       const struct matr_object *object, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement(
		store,
		"SELECT o.hash, o.path, o.interpreter, o.device, o.inode, o.size, o.mtime, o.ctime"
		" FROM epoch_applications e JOIN scope_entries s ON"
		" s.application_id = e.application_id AND s.position = 0"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE e.epoch_id = ?1 AND (l.path = ?2 OR o.path = ?2)",
		err);
	int more, n = 0, same = 1;

	if (!rows)
		return -1;
	store_bind(rows, 1, epoch);
	store_bind_text(rows, 2, path);
	while (same > 0 && (more = store_step(store, rows, err)) != 0) {
		same = more > 0 ? is_recorded(rows, object, err) : -1;
		n++;
	}
	sqlite3_reset(rows);
	return n ? same : 0;
}
