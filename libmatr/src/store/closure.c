/* closure.c - what applications load with dlopen(): closures and their objects.
 *
 * A closure's scope is the application's with more behind it. Only that is written; reading starts
 * from the application's.
 */
#include "store/closure.h"

#include <stdlib.h>
#include <string.h>

#include <matr/recording.h>

#include "base/array.h"
#include "store/entries.h"
#include "store/object.h"
#include "store/statement.h"

/* ---- writing ---- */

static const char insert_closure_entry[] =
	"INSERT INTO closure_entries (closure_id, position, location_id, rule, loaded_by,"
	" needed, vector_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

static int insert_closure(struct matr_store *store, int64_t application, const char *root,
			  const char *flags, const char *reason, int64_t *id,
			  struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT INTO closures (application_id, position, root, flags, reason) VALUES (?1,"
		" (SELECT count(*) FROM closures WHERE application_id = ?1), ?2, ?3, ?4)",
		err);
	if (!insert)
		return -1;
	store_bind(insert, 1, application);
	store_bind_text(insert, 2, root);
	store_bind_text(insert, 3, flags);
	store_bind_text(insert, 4, reason);
	if (store_execute(store, insert, err) != 0)
		return -1;
	*id = sqlite3_last_insert_rowid(store->db);
	return 0;
}

int store_add_closure(struct matr_store *store, int64_t application, const char *root,
		      const char *flags, const struct matr_closure *closure, const char *reason,
		      int64_t *id, struct matr_error *err)
{
	int64_t number;

	if (insert_closure(store, application, root, flags, reason, &number, err) != 0)
		return -1;
	if (id)
		*id = number;
	if (!closure)
		return 0;
	const struct matr_mapping *mapping = closure->mapping;
	struct store_encoded_mapping encoded = {.n = 0};
	int64_t object;
	int result = 0;
	for (size_t i = 0; i < mapping->n_scope && !result; i++)
		result = store_put_object(store, mapping->scope[i].object, &object, err);
	if (!result)
		result = store_encode_mapping(store, mapping, &encoded, err);
	for (size_t i = closure->n_start; i < mapping->n_scope && !result; i++)
		result = store_put_entry(store, insert_closure_entry, number, mapping, i, &encoded,
					 err);
	store_encoded_mapping_free(&encoded);
	return result;
}

int store_decline_closure(struct matr_store *store, int64_t closure, const char *reason,
			  struct matr_error *err)
{
	sqlite3_stmt *update =
		store_statement(store, "UPDATE closures SET reason = ?2 WHERE id = ?1", err);
	if (!update)
		return -1;
	store_bind(update, 1, closure);
	store_bind_text(update, 2, reason);
	return store_execute(store, update, err);
}

/* ---- reading ---- */

void matr_store_closures_free(struct matr_store_closure *closures, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(closures[i].root);
		free(closures[i].flags);
		free(closures[i].reason);
	}
	free(closures);
}

int matr_store_count_loading(struct matr_store *store, int64_t epoch, size_t *n,
			     struct matr_error *err)
{
	sqlite3_stmt *row = store_statement_for(
		store,
		"SELECT count(*) FROM epoch_applications e WHERE e.epoch_id = ?1 AND EXISTS"
		" (SELECT 1 FROM closures c WHERE c.application_id = e.application_id)",
		epoch, err);
	int64_t count = 0;

	int found = store_step_id(store, row, &count, err);
	*n = (size_t)count;
	return found < 0 ? -1 : 0;
}

int matr_store_closures(struct matr_store *store, int64_t application,
			struct matr_store_closure **out, size_t *n, struct matr_error *err)
{
	struct matr_store_closure *item;
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT id, root, reason, (SELECT count(*) FROM closure_entries WHERE closure_id ="
		" closures.id), flags FROM closures WHERE application_id = ?1 ORDER BY position",
		application, err);

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		item->id = sqlite3_column_int64(statement, 0);
		item->objects = (size_t)sqlite3_column_int64(statement, 3);
		store_row_text(&rows, 1, &item->root, err);
		store_row_text(&rows, 2, &item->reason, err);
		store_row_text(&rows, 4, &item->flags, err);
	}
	if (rows.failed) {
		matr_store_closures_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

static int count_entries(struct matr_store *store, int64_t closure, size_t *n,
			 struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(
		store, "SELECT count(*) FROM closure_entries WHERE closure_id = ?1", err);
	if (!row)
		return -1;
	store_bind(row, 1, closure);
	int found = store_step(store, row, err);
	*n = found > 0 ? (size_t)sqlite3_column_int64(row, 0) : 0;
	sqlite3_reset(row);
	if (found < 0)
		return -1;
	return *n ? 0 : store_damaged(store, err, "closure without objects");
}

/* Make room behind the application's own scope. */
static int extend(struct matr_mapping *mapping, struct store_scope_row **rows, size_t n,
		  struct matr_error *err)
{
	size_t n_start = mapping->n_scope, all = n_start + n;
	size_t rooms[] = {n_start, n_start, n_start};

	if (array_reserve(&mapping->scope, &rooms[0], all, sizeof *mapping->scope, err) != 0 ||
	    array_reserve(&mapping->objects, &rooms[1], all, sizeof *mapping->objects, err) != 0 ||
	    array_reserve(rows, &rooms[2], all, sizeof **rows, err) != 0)
		return -1;
	memset(mapping->scope + n_start, 0, n * sizeof *mapping->scope);
	memset(mapping->objects + n_start, 0, n * sizeof *mapping->objects);
	memset(*rows + n_start, 0, n * sizeof **rows);
	mapping->n_scope = all;
	return 0;
}

static const char select_closure_entries[] =
	"SELECT l.object_id, l.path, c.rule, c.loaded_by, c.needed, c.vector_id, c.position"
	" FROM closure_entries c JOIN locations l ON l.id = c.location_id"
	" WHERE c.closure_id = ?1 ORDER BY c.position";

int matr_store_closure(struct matr_store *store, int64_t application,
		       const struct matr_store_closure *record, struct matr_closure *out,
		       struct matr_error *err)
{
	struct matr_mapping *mapping;
	struct store_scope_row *rows;
	size_t n;

	if (count_entries(store, record->id, &n, err) != 0 ||
	    store_get_mapping(store, application, false, &mapping, &rows, err) != 0)
		return -1;
	size_t n_start = mapping->n_scope;
	bool interpreter_later = mapping->interpreter == n_start;
	int result = extend(mapping, &rows, n, err);
	if (!result)
		result = store_get_entries(store, select_closure_entries, record->id, n_start,
					   mapping, rows, true, err);
	free(rows);
	if (result) {
		matr_mapping_free(mapping);
		return -1;
	}
	if (interpreter_later) {
		mapping->interpreter = (uint32_t)mapping->n_scope;
		for (size_t i = n_start; i < mapping->n_scope; i++) {
			if (mapping->scope[i].rule == MATR_FOUND_INTERPRETER)
				mapping->interpreter = (uint32_t)i;
		}
	}
	*out = (struct matr_closure){
		.mapping = mapping,
		.n_start = (uint32_t)n_start,
		.now = matr_loads_now(record->flags),
	};
	return 0;
}
