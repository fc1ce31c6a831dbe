/* binding.c - binding vectors: how one object binds, stored once for all applications in which
 * it binds alike.
 *
 * A vector is the object, the objects that provide for it in order of first use, and a blob that
 * refers to these by number (codec/bindings.h). The hash over the three finds it again.
 */
#include "store/binding.h"

#include <stdlib.h>

#include "codec/bindings.h"
#include "store/object.h"
#include "store/statement.h"

static int hash_vector(int64_t object, const int64_t *ids, const uint32_t *providers,
		       size_t n_providers, const struct varint_buffer *contents,
		       uint8_t hash[MATR_HASH_SIZE], struct matr_error *err)
{
	struct varint_buffer all = {0};

	varint_put(&all, (uint64_t)object);
	varint_put(&all, n_providers);
	for (size_t i = 0; i < n_providers; i++)
		varint_put(&all, (uint64_t)ids[providers[i]]);
	varint_put_bytes(&all, contents->data, contents->size);
	bool failed = all.failed || contents->failed;
	blake2b(all.data, all.size, hash);
	varint_buffer_free(&all);
	return failed ? matr_fail_memory(err) : 0;
}

static int insert(struct matr_store *store, int64_t object, struct store_encoded_vector *vector,
		  int64_t *id, struct matr_error *err)
{
	int64_t blob;

	if (store_blob_hash(&vector->bindings, err) != 0 ||
	    store_blob_put(store, &vector->bindings, &blob, err) != 0)
		return -1;
	sqlite3_stmt *statement = store_statement(
		store, "INSERT INTO vectors (object_id, hash, blob_id) VALUES (?1, ?2, ?3)", err);
	if (!statement)
		return -1;
	store_bind(statement, 1, object);
	sqlite3_bind_blob(statement, 2, vector->hash, MATR_HASH_SIZE, SQLITE_STATIC);
	store_bind(statement, 3, blob);
	if (store_execute(store, statement, err) != 0)
		return -1;
	*id = sqlite3_last_insert_rowid(store->db);
	return 0;
}

static int insert_provider(struct matr_store *store, int64_t vector, size_t position,
			   int64_t object, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store, "INSERT INTO providers (vector_id, position, object_id) VALUES (?1, ?2, ?3)",
		err);
	if (!statement)
		return -1;
	store_bind(statement, 1, vector);
	store_bind(statement, 2, (int64_t)position);
	store_bind(statement, 3, object);
	return store_execute(store, statement, err);
}

int store_encode_vector(const struct matr_mapping *mapping, size_t requester, const int64_t *ids,
			struct store_encoded_vector *out, struct matr_error *err)
{
	*out = (struct store_encoded_vector){
		.providers = calloc(mapping->n_scope, sizeof *out->providers),
	};
	if (!out->providers)
		return matr_fail_memory(err);
	codec_encode_bindings(mapping, requester, &out->bindings.contents, out->providers,
			      &out->n_providers);
	return hash_vector(ids[requester], ids, out->providers, out->n_providers,
			   &out->bindings.contents, out->hash, err);
}

void store_encoded_vector_free(struct store_encoded_vector *vector)
{
	store_blob_free(&vector->bindings);
	free(vector->providers);
	vector->providers = NULL;
}

int store_put_vector(struct matr_store *store, struct store_encoded_vector *vector,
		     size_t requester, const int64_t *ids, int64_t *id, struct matr_error *err)
{
	int found = store_find_by_hash(store, "SELECT id FROM vectors WHERE hash = ?1",
				       vector->hash, id, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (insert(store, ids[requester], vector, id, err) != 0)
		return -1;
	for (size_t i = 0; i < vector->n_providers; i++)
		if (insert_provider(store, *id, i, ids[vector->providers[i]], err) != 0)
			return -1;
	return 0;
}

/* ---- reading ---- */

/* The vector's providers as indices of this application's scope. providers has room for n_scope. */
static int read_providers(struct matr_store *store, int64_t vector, const int64_t *ids,
			  size_t n_scope, uint32_t *providers, size_t *n, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement(
		store, "SELECT object_id FROM providers WHERE vector_id = ?1 ORDER BY position",
		err);
	int more;

	if (!rows)
		return -1;
	store_bind(rows, 1, vector);
	*n = 0;
	while ((more = store_step(store, rows, err)) > 0) {
		int64_t object = sqlite3_column_int64(rows, 0);
		size_t index = 0;
		while (index < n_scope && ids[index] != object)
			index++;
		if (index == n_scope || *n == n_scope) {
			more = store_damaged(store, err, "provider outside the scope");
			break;
		}
		providers[(*n)++] = (uint32_t)index;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : 0;
}

static int vector_blob(struct matr_store *store, int64_t vector, int64_t object, int64_t *blob,
		       struct matr_error *err)
{
	sqlite3_stmt *row = store_statement_for(
		store, "SELECT blob_id FROM vectors WHERE id = ?1 AND object_id = ?2", vector, err);
	if (row)
		store_bind(row, 2, object);
	int found = store_step_id(store, row, blob, err);
	if (found == 0)
		return store_damaged(store, err, "bindings missing");
	return found < 0 ? -1 : 0;
}

int store_get_bindings(struct matr_store *store, struct matr_mapping *mapping, size_t requester,
		       const int64_t *ids, int64_t vector, struct matr_error *err)
{
	uint32_t *providers = calloc(mapping->n_scope, sizeof *providers);
	uint8_t *contents = NULL;
	size_t n_providers, size;
	int64_t blob;
	int result = -1;

	if (!providers)
		return matr_fail_memory(err);
	if (read_providers(store, vector, ids, mapping->n_scope, providers, &n_providers, err) !=
		    0 ||
	    vector_blob(store, vector, ids[requester], &blob, err) != 0 ||
	    store_blob_get(store, blob, &contents, &size, err) != 0)
		goto done;
	struct varint_cursor cursor = {.at = contents, .end = contents + size};
	result = codec_decode_bindings(mapping, requester, &cursor, providers, n_providers);
	if (result != 0)
		cursor.damaged ? store_damaged(store, err, "bindings") : matr_fail_memory(err);
done:
	free(contents);
	free(providers);
	return result;
}

int store_vector(struct matr_store *store, const struct store_vector *vector,
		 struct store_vector_mapping *out, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store, "SELECT object_id FROM providers WHERE vector_id = ?1 ORDER BY position",
		err);
	struct matr_mapping *mapping = &out->mapping;
	int64_t *providers;
	size_t n;

	*out = (struct store_vector_mapping){.ids = NULL};
	if (statement)
		store_bind(statement, 1, vector->id);
	if (store_rows_of_ids(store, statement, &providers, &n, err) != 0)
		return -1;
	mapping->n_scope = n + 1;
	mapping->scope = calloc(n + 1, sizeof *mapping->scope);
	mapping->objects = calloc(n + 1, sizeof *mapping->objects);
	out->ids = calloc(n + 1, sizeof *out->ids);
	int result = mapping->scope && mapping->objects && out->ids ? 0 : matr_fail_memory(err);
	for (size_t i = 0; i <= n && result == 0; i++) {
		out->ids[i] = i ? providers[i - 1] : vector->object;
		mapping->scope[i].object = store_get_object(store, out->ids[i], err);
		result = mapping->scope[i].object ? 0 : -1;
	}
	free(providers);
	if (result == 0) {
		size_t n_bindings = mapping->scope[0].object->n_relocations;
		mapping->objects[0].bindings = calloc(n_bindings + 1, sizeof(struct matr_binding));
		result = mapping->objects[0].bindings
				 ? store_get_bindings(store, mapping, 0, out->ids, vector->id, err)
				 : matr_fail_memory(err);
	}
	if (result != 0)
		store_vector_mapping_free(out);
	return result;
}

void store_vector_mapping_free(struct store_vector_mapping *vector)
{
	if (vector->mapping.objects)
		free(vector->mapping.objects[0].bindings);
	free(vector->mapping.objects);
	free(vector->mapping.scope);
	free(vector->ids);
	*vector = (struct store_vector_mapping){.ids = NULL};
}
