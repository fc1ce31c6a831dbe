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
	int found =
		store_find_id(store, "SELECT blob_id FROM vectors WHERE id = ?1 AND object_id = ?2",
			      vector, object, blob, err);

	if (found == 0)
		return store_damaged(store, err, "bindings missing");
	return found < 0 ? -1 : 0;
}

/* providers: scope indices, as the vector numbers them. */
static int read_bindings(struct matr_store *store, struct matr_mapping *mapping, size_t requester,
			 int64_t blob, const uint32_t *providers, size_t n_providers,
			 struct matr_error *err)
{
	const uint8_t *contents;
	size_t size;

	if (store_blob_view(store, blob, &contents, &size, err) != 0)
		return -1;
	struct varint_cursor cursor = {.at = contents, .end = contents + size};
	int result = codec_decode_bindings(mapping, requester, &cursor, providers, n_providers);
	if (result != 0)
		cursor.damaged ? store_damaged(store, err, "bindings") : matr_fail_memory(err);
	return result;
}

int store_get_bindings(struct matr_store *store, struct matr_mapping *mapping, size_t requester,
		       const int64_t *ids, int64_t vector, struct matr_error *err)
{
	uint32_t *providers = calloc(mapping->n_scope, sizeof *providers);
	size_t n_providers;
	int64_t blob;

	if (!providers)
		return matr_fail_memory(err);
	int result =
		read_providers(store, vector, ids, mapping->n_scope, providers, &n_providers, err);
	if (result == 0)
		result = vector_blob(store, vector, ids[requester], &blob, err);
	if (result == 0)
		result =
			read_bindings(store, mapping, requester, blob, providers, n_providers, err);
	free(providers);
	return result;
}

/* The ids of the vector's providers, and how many symbols each has. */
static int list_providers(struct matr_store *store, int64_t vector,
			  struct store_vector_mapping *out, struct matr_error *err)
{
	struct provider {
		int64_t id;
		size_t n_symbols;
	} * provider;
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT p.object_id, o.n_symbols FROM providers p JOIN objects o"
		" ON o.id = p.object_id WHERE p.vector_id = ?1 ORDER BY p.position",
		vector, err);
	struct store_rows rows = store_rows(store, statement, sizeof *provider);

	while ((provider = store_next_row(&rows, err)) != NULL) {
		provider->id = sqlite3_column_int64(statement, 0);
		provider->n_symbols = (size_t)sqlite3_column_int64(statement, 1);
	}
	size_t n = rows.n + 1;
	out->mapping.n_scope = n;
	out->mapping.scope = calloc(n, sizeof *out->mapping.scope);
	out->mapping.objects = calloc(n, sizeof *out->mapping.objects);
	out->ids = calloc(n, sizeof *out->ids);
	out->places = calloc(n, sizeof *out->places);
	out->objects = calloc(n, sizeof *out->objects);
	bool complete = out->mapping.scope && out->mapping.objects && out->ids && out->places &&
			out->objects;
	provider = rows.items;
	for (size_t i = 1; i < n && complete && !rows.failed; i++) {
		out->ids[i] = provider[i - 1].id;
		out->places[i - 1] = (uint32_t)i;
		out->objects[i].n_symbols = provider[i - 1].n_symbols;
		out->mapping.scope[i].object = &out->objects[i];
	}
	free(rows.items);
	if (rows.failed)
		return -1;
	return complete ? 0 : matr_fail_memory(err);
}

int store_vector(struct matr_store *store, const struct store_vector *vector,
		 struct matr_object *object, struct store_vector_mapping *out,
		 struct matr_error *err)
{
	struct matr_mapping *mapping = &out->mapping;

	*out = (struct store_vector_mapping){.ids = NULL};
	int result = list_providers(store, vector->id, out, err);
	if (result == 0) {
		out->ids[0] = vector->object;
		mapping->scope[0].object = object;
		mapping->objects[0].bindings =
			calloc(object->n_relocations + 1, sizeof(struct matr_binding));
		result = mapping->objects[0].bindings
				 ? read_bindings(store, mapping, 0, vector->blob, out->places,
						 mapping->n_scope - 1, err)
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
	free(vector->places);
	free(vector->objects);
	*vector = (struct store_vector_mapping){.ids = NULL};
}

int store_vector_provider(struct matr_store *store, const struct store_vector *vector,
			  uint32_t position, int64_t *id, struct matr_error *err)
{
	int found = store_find_id(
		store, "SELECT object_id FROM providers WHERE vector_id = ?1 AND position = ?2",
		vector->id, position, id, err);

	if (found == 0)
		return store_damaged(store, err, "provider missing");
	return found < 0 ? -1 : 0;
}
