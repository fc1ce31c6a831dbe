/* entries.c - scope entries, which applications and closures have alike. */
#include "store/entries.h"

#include <stdlib.h>

#include "elf/needed.h"
#include "store/binding.h"
#include "store/object.h"
#include "store/statement.h"

/* ---- writing ---- */

/* The row for an object under the name by which it was found. */
static int put_location(struct matr_store *store, int64_t object, const char *path, int64_t *id,
			struct matr_error *err)
{
	sqlite3_stmt *select = store_statement(
		store, "SELECT id FROM locations WHERE object_id = ?1 AND path = ?2", err);
	if (!select)
		return -1;
	store_bind(select, 1, object);
	store_bind_text(select, 2, path);
	int found = store_step(store, select, err);
	if (found > 0)
		*id = sqlite3_column_int64(select, 0);
	sqlite3_reset(select);
	if (found != 0)
		return found < 0 ? -1 : 0;
	sqlite3_stmt *insert = store_statement(
		store, "INSERT INTO locations (object_id, path) VALUES (?1, ?2)", err);
	if (!insert)
		return -1;
	store_bind(insert, 1, object);
	store_bind_text(insert, 2, path);
	if (store_execute(store, insert, err) != 0)
		return -1;
	*id = sqlite3_last_insert_rowid(store->db);
	return 0;
}

int store_put_entry(struct matr_store *store, const char *sql, int64_t owner,
		    const struct matr_mapping *mapping, size_t position,
		    struct store_encoded_mapping *encoded, struct matr_error *err)
{
	const struct matr_scope_entry *entry = &mapping->scope[position];
	const int64_t *ids = encoded->ids;
	int64_t location, vector = 0;
	int64_t needed =
		elf_needed_position(mapping->scope[entry->loaded_by].object, entry->needed_as);

	if (put_location(store, ids[position], entry->path, &location, err) != 0)
		return -1;
	bool bound = encoded->vectors[position].providers != NULL;
	if (bound &&
	    store_put_vector(store, &encoded->vectors[position], position, ids, &vector, err) != 0)
		return -1;
	sqlite3_stmt *insert = store_statement(store, sql, err);
	if (!insert)
		return -1;
	store_bind(insert, 1, owner);
	store_bind(insert, 2, (int64_t)position);
	store_bind(insert, 3, location);
	store_bind(insert, 4, entry->rule);
	store_bind(insert, 5, entry->loaded_by);
	if (needed >= 0)
		store_bind(insert, 6, needed);
	if (bound)
		store_bind(insert, 7, vector);
	return store_execute(store, insert, err);
}

/* ---- reading ---- */

static int read_rows(struct matr_store *store, const char *sql, int64_t owner, size_t first,
		     struct matr_mapping *mapping, struct store_scope_row *rows,
		     struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(store, sql, err);
	size_t n = first;
	int more;

	if (!statement)
		return -1;
	store_bind(statement, 1, owner);
	while ((more = store_step(store, statement, err)) > 0) {
		int64_t rule = sqlite3_column_int64(statement, 2);
		int64_t loaded_by = sqlite3_column_int64(statement, 3);
		if (n == mapping->n_scope || sqlite3_column_int64(statement, 6) != (int64_t)n ||
		    rule < MATR_FOUND_APPLICATION || rule >= MATR_FOUND_RULES || loaded_by < 0 ||
		    (size_t)loaded_by >= mapping->n_scope) {
			more = store_damaged(store, err, "scope");
			break;
		}
		struct matr_scope_entry *entry = &mapping->scope[n];
		if ((more = store_column_text(statement, 1, &entry->path, err)) != 0)
			break;
		entry->rule = (enum matr_search_rule)rule;
		entry->loaded_by = (uint32_t)loaded_by;
		bool has_needed = sqlite3_column_type(statement, 4) != SQLITE_NULL;
		rows[n++] = (struct store_scope_row){
			.object = sqlite3_column_int64(statement, 0),
			.needed = has_needed ? sqlite3_column_int64(statement, 4) : -1,
			.vector = sqlite3_column_int64(statement, 5),
		};
	}
	sqlite3_reset(statement);
	if (more < 0)
		return -1;
	return n == mapping->n_scope ? 0 : store_damaged(store, err, "scope");
}

static int read_objects(struct matr_store *store, size_t first, struct matr_mapping *mapping,
			const struct store_scope_row *rows, struct matr_error *err)
{
	for (size_t i = first; i < mapping->n_scope; i++) {
		mapping->scope[i].object = store_get_object(store, rows[i].object, err);
		if (!mapping->scope[i].object)
			return -1;
	}
	for (size_t i = first; i < mapping->n_scope; i++) {
		struct matr_scope_entry *entry = &mapping->scope[i];
		const struct matr_object *by = mapping->scope[entry->loaded_by].object;
		if (rows[i].needed < 0)
			continue;
		if ((size_t)rows[i].needed >= by->n_needed)
			return store_damaged(store, err, "needed entry missing");
		entry->needed_as = by->needed[rows[i].needed];
	}
	return 0;
}

static int read_bindings(struct matr_store *store, size_t first, struct matr_mapping *mapping,
			 const struct store_scope_row *rows, struct matr_error *err)
{
	int64_t *ids = calloc(mapping->n_scope, sizeof *ids);
	int result = ids ? 0 : matr_fail_memory(err);

	for (size_t i = 0; i < mapping->n_scope && !result; i++)
		ids[i] = rows[i].object;
	for (size_t i = first; i < mapping->n_scope && !result; i++) {
		size_t n = mapping->scope[i].object->n_relocations;
		if (rows[i].vector == 0 && n > 0)
			continue;
		mapping->objects[i].bindings = calloc(n + 1, sizeof(struct matr_binding));
		if (!mapping->objects[i].bindings)
			result = matr_fail_memory(err);
		else if (n > 0)
			result = store_get_bindings(store, mapping, i, ids, rows[i].vector, err);
	}
	free(ids);
	return result;
}

int store_get_entries(struct matr_store *store, const char *sql, int64_t owner, size_t first,
		      struct matr_mapping *mapping, struct store_scope_row *rows,
		      bool with_bindings, struct matr_error *err)
{
	if (read_rows(store, sql, owner, first, mapping, rows, err) != 0 ||
	    read_objects(store, first, mapping, rows, err) != 0)
		return -1;
	return with_bindings ? read_bindings(store, first, mapping, rows, err) : 0;
}
