/* usage.c - which files, objects and binding vectors the applications of an epoch use. */
#include "store/usage.h"

#include <stdlib.h>
#include <string.h>

#include "store/statement.h"

/* ---- applications ---- */

int store_users_of(struct matr_store *store, int64_t epoch, const char *path, int64_t **out,
		   size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store,
		"WITH places (id) AS (SELECT l.id FROM locations l JOIN objects o ON"
		" o.id = l.object_id WHERE l.path = ?2 OR o.path = ?2)"
		" SELECT e.application_id FROM epoch_applications e WHERE e.epoch_id = ?1 AND ("
		"  EXISTS (SELECT 1 FROM scope_entries s WHERE s.application_id ="
		"   e.application_id AND s.location_id IN places)"
		"  OR EXISTS (SELECT 1 FROM closures k JOIN closure_entries c ON c.closure_id ="
		"   k.id WHERE k.application_id = e.application_id AND c.location_id IN places))"
		" ORDER BY 1",
		err);

	if (statement) {
		store_bind(statement, 1, epoch);
		store_bind_text(statement, 2, path);
	}
	return store_rows_of_ids(store, statement, out, n, err);
}

int store_users_of_name(struct matr_store *store, int64_t epoch, const char *name, int64_t **out,
			size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store,
		"WITH places (id) AS (SELECT id FROM locations WHERE"
		"  substr(path, -length(?2) - 1) = '/' || ?2)"
		" SELECT e.application_id FROM epoch_applications e WHERE e.epoch_id = ?1 AND ("
		"  ?2 IS NULL OR EXISTS (SELECT 1 FROM scope_entries s WHERE s.application_id ="
		"   e.application_id AND s.location_id IN places)"
		"  OR EXISTS (SELECT 1 FROM closures k JOIN closure_entries c ON c.closure_id ="
		"   k.id WHERE k.application_id = e.application_id AND c.location_id IN places))"
		" ORDER BY 1",
		err);

	if (statement) {
		store_bind(statement, 1, epoch);
		store_bind_text(statement, 2, name);
	}
	return store_rows_of_ids(store, statement, out, n, err);
}

/* The locations of the files in question. */
static int meant_locations(struct matr_store *store,
			   bool (*is_meant)(const char *path, const char *found_as,
					    const char *soname, void *context),
			   void *context, struct map *locations, struct matr_error *err)
{
	sqlite3_stmt *rows =
		store_statement(store,
				"SELECT l.id, o.path, l.path, o.soname FROM locations l"
				" JOIN objects o ON o.id = l.object_id",
				err);
	int more;

	if (!rows)
		return -1;
	while ((more = store_step(store, rows, err)) > 0) {
		const char *path = (const char *)sqlite3_column_text(rows, 1);
		const char *found_as = (const char *)sqlite3_column_text(rows, 2);
		const char *soname = (const char *)sqlite3_column_text(rows, 3);
		if (!path || !found_as) {
			more = store_damaged(store, err, "object without a path");
			break;
		}
		if (is_meant(path, found_as, soname, context) &&
		    map_set(locations, (uint64_t)sqlite3_column_int64(rows, 0), 1) != 0) {
			more = matr_fail_memory(err);
			break;
		}
	}
	sqlite3_reset(rows);
	return more;
}

int matr_store_users(struct matr_store *store, int64_t epoch,
		     bool (*is_meant)(const char *path, const char *found_as, const char *soname,
				      void *context),
		     void *context, int64_t **out, size_t *n, struct matr_error *err)
{
	struct map locations = {.entries = NULL};
	uint64_t ignored;
	int64_t *ids = NULL;
	size_t n_ids = 0, kept = 0;

	int result = meant_locations(store, is_meant, context, &locations, err);
	/* Each application, and then whether one of its files is among them. */
	if (result == 0)
		result = store_rows_of_ids(
			store,
			store_statement_for(
				store,
				"SELECT application_id FROM epoch_applications WHERE epoch_id = ?1"
				" ORDER BY 1",
				epoch, err),
			&ids, &n_ids, err);
	for (size_t i = 0; i < n_ids && result == 0; i++) {
		sqlite3_stmt *rows = store_statement_for(
			store,
			"SELECT location_id FROM scope_entries WHERE application_id = ?1 UNION ALL"
			" SELECT s.location_id FROM closures c JOIN closure_entries s ON"
			" s.closure_id = c.id WHERE c.application_id = ?1",
			ids[i], err);
		int more = rows ? 0 : -1;
		bool uses = false;
		while (rows && !uses && (more = store_step(store, rows, err)) > 0)
			uses = map_get(&locations, (uint64_t)sqlite3_column_int64(rows, 0),
				       &ignored);
		if (rows)
			sqlite3_reset(rows);
		result = more < 0 ? -1 : 0;
		if (uses)
			ids[kept++] = ids[i];
	}
	map_free(&locations);
	if (result != 0) {
		free(ids);
		return -1;
	}
	*out = ids;
	*n = kept;
	return 0;
}

/* ---- files ---- */

int store_locations(struct matr_store *store, int64_t epoch, struct store_location **out, size_t *n,
		    struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store,
		"WITH found (location, rule) AS ("
		" SELECT s.location_id, s.rule FROM epoch_applications e JOIN scope_entries s"
		"  ON s.application_id = e.application_id WHERE e.epoch_id = ?1"
		" UNION SELECT c.location_id, c.rule FROM epoch_applications e JOIN closures k"
		"  ON k.application_id = e.application_id JOIN closure_entries c"
		"  ON c.closure_id = k.id WHERE e.epoch_id = ?1)"
		" SELECT l.path, o.device, o.inode, o.size, o.mtime, o.ctime, max(f.rule = ?2)"
		" FROM found f JOIN locations l ON l.id = f.location"
		" JOIN objects o ON o.id = l.object_id GROUP BY l.id",
		err);
	struct store_location *item;

	if (statement) {
		store_bind(statement, 1, epoch);
		store_bind(statement, 2, MATR_FOUND_INTERPRETER);
	}
	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		store_row_text(&rows, 0, &item->path, err);
		item->id = store_column_file_id(statement, 1);
		item->interpreter = sqlite3_column_int64(statement, 6) != 0;
	}
	if (rows.failed) {
		store_locations_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

void store_locations_free(struct store_location *locations, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(locations[i].path);
	free(locations);
}

int store_started_objects(struct matr_store *store, char ***out, size_t *n, struct matr_error *err)
{
	return store_rows_of_text(
		store,
		store_statement(
			store,
			"SELECT DISTINCT o.path FROM epoch_applications e"
			" JOIN scope_entries s ON s.application_id = e.application_id"
			" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = "
			"l.object_id"
			" WHERE e.epoch_id = (SELECT max(id) FROM epochs) ORDER BY o.path",
			err),
		out, n, err);
}

void store_paths_free(char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}

/* ---- objects and vectors ---- */

int store_each_library(struct matr_store *store, int64_t epoch,
		       int (*visit)(const struct store_library *library, void *context,
				    struct matr_error *err),
		       void *context, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement(
		store,
		"SELECT DISTINCT o.id, o.path, o.soname, l.path FROM epoch_applications e"
		" JOIN scope_entries s ON s.application_id = e.application_id"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE e.epoch_id = ?1 AND s.position > 0"
		" UNION SELECT o.id, o.path, o.soname, l.path FROM epoch_applications e"
		" JOIN closures c ON c.application_id = e.application_id"
		" JOIN closure_entries s ON s.closure_id = c.id"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE e.epoch_id = ?1",
		err);
	int more, result = 0;

	if (!rows)
		return -1;
	store_bind(rows, 1, epoch);
	while (result == 0 && (more = store_step(store, rows, err)) != 0) {
		const struct store_library library = {
			.object = sqlite3_column_int64(rows, 0),
			.path = (const char *)sqlite3_column_text(rows, 1),
			.soname = (const char *)sqlite3_column_text(rows, 2),
			.found_as = (const char *)sqlite3_column_text(rows, 3),
		};
		if (more < 0)
			result = -1;
		else if (!library.path || !library.found_as)
			result = store_damaged(store, err, "object without a path");
		else
			result = visit(&library, context, err);
	}
	sqlite3_reset(rows);
	return result;
}

int store_object_ids(struct matr_store *store, int64_t epoch, int64_t **out, size_t *n,
		     struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT DISTINCT l.object_id FROM epoch_applications a"
		" JOIN scope_entries s ON s.application_id = a.application_id"
		" JOIN locations l ON l.id = s.location_id WHERE a.epoch_id = ?1"
		" UNION SELECT l.object_id FROM epoch_applications a"
		" JOIN closures c ON c.application_id = a.application_id"
		" JOIN closure_entries s ON s.closure_id = c.id"
		" JOIN locations l ON l.id = s.location_id WHERE a.epoch_id = ?1 ORDER BY 1",
		epoch, err);

	return store_rows_of_ids(store, statement, out, n, err);
}

int store_vectors(struct matr_store *store, int64_t epoch, struct store_vector **out, size_t *n,
		  struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT v.id, v.object_id, v.blob_id FROM vectors v JOIN ("
		" SELECT s.vector_id AS id FROM epoch_applications e"
		" JOIN scope_entries s ON s.application_id = e.application_id WHERE e.epoch_id = ?1"
		" UNION SELECT s.vector_id FROM epoch_applications e"
		" JOIN closures c ON c.application_id = e.application_id"
		" JOIN closure_entries s ON s.closure_id = c.id WHERE e.epoch_id = ?1) USING (id)"
		" ORDER BY v.object_id, v.id",
		epoch, err);
	struct store_vector *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		item->id = sqlite3_column_int64(statement, 0);
		item->object = sqlite3_column_int64(statement, 1);
		item->blob = sqlite3_column_int64(statement, 2);
	}
	if (rows.failed) {
		free(rows.items);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

int store_vectors_bound_to(struct matr_store *store, const struct map *objects, struct map *vectors,
			   struct matr_error *err)
{
	sqlite3_stmt *rows =
		store_statement(store, "SELECT vector_id, object_id FROM providers", err);
	uint64_t ignored;
	int more;

	if (!rows)
		return -1;
	while ((more = store_step(store, rows, err)) > 0) {
		if (map_get(objects, (uint64_t)sqlite3_column_int64(rows, 1), &ignored) &&
		    map_set(vectors, (uint64_t)sqlite3_column_int64(rows, 0), 1) != 0) {
			more = matr_fail_memory(err);
			break;
		}
	}
	sqlite3_reset(rows);
	return more;
}

/* Visit the rows of an application, which `sql` sorts. */
static int each_entry_of(struct matr_store *store, const char *sql,
			 const struct matr_store_application *application,
			 int (*visit)(const struct store_entry *entry, void *context,
				      struct matr_error *err),
			 void *context, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement_for(store, sql, application->id, err);
	int more, result = 0;

	if (!rows)
		return -1;
	while (result == 0 && (more = store_step(store, rows, err)) != 0) {
		bool itself = more > 0 && sqlite3_column_int64(rows, 4) != 0;
		const struct store_entry entry = {
			.application = application->path,
			.path = itself ? application->path
				       : (const char *)sqlite3_column_text(rows, 0),
			.vector = sqlite3_column_int64(rows, 1),
			.object = sqlite3_column_int64(rows, 2),
			.root = (const char *)sqlite3_column_text(rows, 3),
		};
		if (more < 0)
			result = -1;
		else if (!entry.path)
			result = store_damaged(store, err, "scope entry without a path");
		else
			result = visit(&entry, context, err);
	}
	sqlite3_reset(rows);
	return result;
}

static int compare_paths(const void *a, const void *b)
{
	const struct matr_store_application *one = a, *other = b;

	return strcmp(one->path, other->path);
}

/* Only the applications are sorted by path: the entries of each are in order. */
int store_each_entry(struct matr_store *store, int64_t epoch,
		     int (*visit)(const struct store_entry *entry, void *context,
				  struct matr_error *err),
		     void *context, struct matr_error *err)
{
	struct matr_store_application *applications;
	size_t n;
	int result = 0;

	if (matr_store_applications(store, epoch, &applications, &n, err) != 0)
		return -1;
	if (n > 0)
		qsort(applications, n, sizeof *applications, compare_paths);
	for (size_t i = 0; i < n && result == 0; i++) {
		result = each_entry_of(store,
				       "SELECT o.path, s.vector_id, o.id, NULL, s.position = 0"
				       " FROM scope_entries s"
				       " JOIN locations l ON l.id = s.location_id"
				       " JOIN objects o ON o.id = l.object_id"
				       " WHERE s.application_id = ?1 ORDER BY s.position",
				       &applications[i], visit, context, err);
		if (result == 0)
			result = each_entry_of(store,
					       "SELECT o.path, s.vector_id, o.id, c.root, 0"
					       " FROM closures c"
					       " JOIN closure_entries s ON s.closure_id = c.id"
					       " JOIN locations l ON l.id = s.location_id"
					       " JOIN objects o ON o.id = l.object_id"
					       " WHERE c.application_id = ?1"
					       " ORDER BY c.root, s.position",
					       &applications[i], visit, context, err);
	}
	matr_store_applications_free(applications, n);
	return result;
}
