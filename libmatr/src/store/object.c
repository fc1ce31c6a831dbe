/* object.c - objects: a row each, their needed list, and four blobs (codec/object.h).
 *
 * An object is found again by a hash over all that is stored of it, path, file id and build-id
 * included. So an object that did not change since an earlier epoch costs no write, and one that
 * did, in whatever way, is another object, which leaves the earlier epoch's as it was.
 */
#include "store/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/statement.h"
#include "store/usage.h"

/* ---- writing ---- */

static void build_id_text(const struct matr_build_id *id, char text[2 * MATR_BUILD_ID_MAX + 1])
{
	text[0] = 0;
	for (size_t i = 0; i < id->size && i < MATR_BUILD_ID_MAX; i++)
		sprintf(text + 2 * i, "%02x", id->bytes[i]);
}

static void put_optional(struct varint_buffer *out, const char *string)
{
	varint_put(out, string != NULL);
	varint_put_string(out, string);
}

/* The hash by which the object is found again. */
static int hash_object(const struct matr_object *object, const struct store_blob *parts,
		       uint8_t hash[MATR_HASH_SIZE], struct matr_error *err)
{
	struct varint_buffer all = {0};

	varint_put_string(&all, object->path);
	varint_put(&all, object->file.device);
	varint_put(&all, object->file.inode);
	varint_put(&all, object->file.size);
	varint_put_signed(&all, object->file.mtime);
	varint_put_signed(&all, object->file.ctime);
	varint_put(&all, object->build_id.size);
	varint_put_bytes(&all, object->build_id.bytes, object->build_id.size);
	varint_put(&all, object->build_id_vaddr);
	varint_put(&all, object->flags);
	varint_put(&all, object->machine);
	put_optional(&all, object->interpreter);
	put_optional(&all, object->soname);
	put_optional(&all, object->rpath);
	put_optional(&all, object->runpath);
	for (size_t i = 0; i < object->n_needed; i++)
		varint_put_string(&all, object->needed[i]);
	varint_put(&all, object->dynamic_vaddr);
	for (size_t part = 0; part < CODEC_N_PARTS; part++)
		varint_put_bytes(&all, parts[part].hash, MATR_HASH_SIZE);
	bool failed = all.failed;
	blake2b(all.data, all.size, hash);
	varint_buffer_free(&all);
	return failed ? matr_fail_memory(err) : 0;
}

static int insert_row(struct matr_store *store, const struct matr_object *object,
		      const uint8_t *hash, int64_t *id, struct matr_error *err)
{
	char build_id[2 * MATR_BUILD_ID_MAX + 1];
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT INTO objects (path, build_id, device, inode, size, mtime, ctime,"
		" build_id_vaddr, flags, machine, interpreter, soname, rpath, runpath,"
		" dynamic_vaddr, n_symbols, n_relocations, n_relatives, n_relr, hash) VALUES"
		" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
		" ?18, ?19, ?20)",
		err);
	if (!insert)
		return -1;
	build_id_text(&object->build_id, build_id);
	store_bind_text(insert, 1, object->path);
	store_bind_text(insert, 2, build_id);
	store_bind(insert, 3, (int64_t)object->file.device);
	store_bind(insert, 4, (int64_t)object->file.inode);
	store_bind(insert, 5, (int64_t)object->file.size);
	store_bind(insert, 6, object->file.mtime);
	store_bind(insert, 7, object->file.ctime);
	store_bind(insert, 8, (int64_t)object->build_id_vaddr);
	store_bind(insert, 9, object->flags);
	store_bind(insert, 10, object->machine);
	store_bind_text(insert, 11, object->interpreter);
	store_bind_text(insert, 12, object->soname);
	store_bind_text(insert, 13, object->rpath);
	store_bind_text(insert, 14, object->runpath);
	store_bind(insert, 15, (int64_t)object->dynamic_vaddr);
	store_bind(insert, 16, (int64_t)object->n_symbols);
	store_bind(insert, 17, (int64_t)object->n_relocations);
	store_bind(insert, 18, (int64_t)object->n_relatives);
	store_bind(insert, 19, (int64_t)object->n_relr);
	sqlite3_bind_blob(insert, 20, hash, MATR_HASH_SIZE, SQLITE_STATIC);
	if (store_execute(store, insert, err) != 0)
		return -1;
	*id = sqlite3_last_insert_rowid(store->db);
	return 0;
}

static int insert_needed(struct matr_store *store, const struct matr_object *object, int64_t id,
			 struct matr_error *err)
{
	for (size_t i = 0; i < object->n_needed; i++) {
		sqlite3_stmt *insert = store_statement(
			store, "INSERT INTO needed (object_id, position, name) VALUES (?1, ?2, ?3)",
			err);
		if (!insert)
			return -1;
		store_bind(insert, 1, id);
		store_bind(insert, 2, (int64_t)i);
		store_bind_text(insert, 3, object->needed[i]);
		if (store_execute(store, insert, err) != 0)
			return -1;
	}
	return 0;
}

static int insert_parts(struct matr_store *store, struct store_blob *parts, int64_t id,
			struct matr_error *err)
{
	for (size_t part = 0; part < CODEC_N_PARTS; part++) {
		int64_t blob;
		if (store_blob_put(store, &parts[part], &blob, err) != 0)
			return -1;
		sqlite3_stmt *insert = store_statement(
			store,
			"INSERT INTO object_blobs (object_id, part, blob_id) VALUES (?1, ?2, ?3)",
			err);
		if (!insert)
			return -1;
		store_bind(insert, 1, id);
		store_bind(insert, 2, (int64_t)part);
		store_bind(insert, 3, blob);
		if (store_execute(store, insert, err) != 0)
			return -1;
	}
	return 0;
}

/* Everything but the compressed data. */
static int encode(const struct matr_object *object, struct store_encoded_object *out,
		  struct matr_error *err)
{
	*out = (struct store_encoded_object){.hash = {0}};
	for (size_t part = 0; part < CODEC_N_PARTS; part++) {
		codec_encode_part(object, (enum codec_part)part, &out->parts[part].contents);
		if (store_blob_hash(&out->parts[part], err) != 0)
			return -1;
	}
	return hash_object(object, out->parts, out->hash, err);
}

int store_encode_object(const struct matr_store *store, const struct matr_object *object,
			struct store_encoded_object *out, struct matr_error *err)
{
	if (encode(object, out, err) != 0)
		return -1;
	for (size_t part = 0; part < CODEC_N_PARTS; part++)
		if (store_blob_compress(store, &out->parts[part], err) != 0)
			return -1;
	return 0;
}

int store_object_hash(const struct matr_object *object, uint8_t hash[MATR_HASH_SIZE],
		      struct matr_error *err)
{
	struct store_encoded_object encoded;
	int result = encode(object, &encoded, err);

	memcpy(hash, encoded.hash, MATR_HASH_SIZE);
	store_encoded_object_free(&encoded);
	return result;
}

void store_encoded_object_free(struct store_encoded_object *encoded)
{
	for (size_t part = 0; part < CODEC_N_PARTS; part++)
		store_blob_free(&encoded->parts[part]);
}

/* The bytes of the file as they were read last. */
static int set_content(struct matr_store *store, int64_t id,
		       const struct store_encoded_object *encoded, struct matr_error *err)
{
	sqlite3_stmt *update = store_statement(
		store, "UPDATE objects SET content = ?2 WHERE id = ?1 AND content IS NOT ?2", err);

	if (!update)
		return -1;
	store_bind(update, 1, id);
	if (encoded->has_content)
		store_bind(update, 2, (int64_t)encoded->content);
	return store_execute(store, update, err);
}

int store_put_encoded(struct matr_store *store, const struct matr_object *object,
		      struct store_encoded_object *encoded, int64_t *id, struct matr_error *err)
{
	int found = store_find_by_hash(store, "SELECT id FROM objects WHERE hash = ?1",
				       encoded->hash, id, err);
	if (found < 0)
		return -1;
	if (found == 0 && (insert_row(store, object, encoded->hash, id, err) != 0 ||
			   insert_needed(store, object, *id, err) != 0 ||
			   insert_parts(store, encoded->parts, *id, err) != 0))
		return -1;
	if (set_content(store, *id, encoded, err) != 0)
		return -1;
	return map_set(&store->ids, (uintptr_t)object, (uint64_t)*id) != 0 ? matr_fail_memory(err)
									   : 0;
}

bool store_object_id(const struct matr_store *store, const struct matr_object *object, int64_t *id)
{
	uint64_t known;

	if (!map_get(&store->ids, (uintptr_t)object, &known))
		return false;
	*id = (int64_t)known;
	return true;
}

int store_put_object(struct matr_store *store, const struct matr_object *object, int64_t *id,
		     struct matr_error *err)
{
	struct store_encoded_object encoded;

	if (store_object_id(store, object, id))
		return 0;
	int result = store_encode_object(store, object, &encoded, err);
	if (result == 0)
		result = store_put_encoded(store, object, &encoded, id, err);
	store_encoded_object_free(&encoded);
	return result;
}

/* ---- the same content in another file ---- */

int store_object_content(struct matr_store *store, int64_t object, struct store_object_content *out,
			 struct matr_error *err)
{
	sqlite3_stmt *row = store_statement_for(
		store, "SELECT content, hash FROM objects WHERE id = ?1 AND content IS NOT NULL",
		object, err);

	if (!row)
		return -1;
	int found = store_step(store, row, err);
	if (found > 0 && sqlite3_column_bytes(row, 1) != MATR_HASH_SIZE)
		found = store_damaged(store, err, "hash of an object");
	if (found > 0) {
		out->content = (uint64_t)sqlite3_column_int64(row, 0);
		memcpy(out->hash, sqlite3_column_blob(row, 1), MATR_HASH_SIZE);
	}
	sqlite3_reset(row);
	return found;
}

int store_object_move(struct matr_store *store, int64_t object, const struct matr_file_id *file,
		      const uint8_t hash[MATR_HASH_SIZE], struct matr_error *err)
{
	int64_t other;

	int found = store_find_by_hash(store, "SELECT id FROM objects WHERE hash = ?1", hash,
				       &other, err);
	if (found != 0)
		return found < 0 ? -1 : other == object;
	sqlite3_stmt *update =
		store_statement(store,
				"UPDATE objects SET device = ?2, inode = ?3, size = ?4, mtime = ?5,"
				" ctime = ?6, hash = ?7 WHERE id = ?1",
				err);
	if (!update)
		return -1;
	store_bind(update, 1, object);
	store_bind(update, 2, (int64_t)file->device);
	store_bind(update, 3, (int64_t)file->inode);
	store_bind(update, 4, (int64_t)file->size);
	store_bind(update, 5, file->mtime);
	store_bind(update, 6, file->ctime);
	sqlite3_bind_blob(update, 7, hash, MATR_HASH_SIZE, SQLITE_STATIC);
	return store_execute(store, update, err) == 0 ? 1 : -1;
}

/* ---- reading ---- */

/* An object from the store and what its strings are in. */
struct stored_object {
	struct matr_object object; /* first: the address is the same */
	uint8_t *parts[CODEC_N_PARTS];
	char *interpreter, *soname, *rpath, *runpath;
	char **needed; /* the object's own array has the same pointers */
	size_t n_needed;
	int64_t id;
	unsigned read; /* parts: 1U << CODEC_... */
};

static void free_object(struct stored_object *stored)
{
	if (!stored)
		return;
	for (size_t part = 0; part < CODEC_N_PARTS; part++)
		free(stored->parts[part]);
	for (size_t i = 0; i < stored->n_needed; i++)
		free(stored->needed[i]);
	free(stored->needed);
	free(stored->interpreter);
	free(stored->soname);
	free(stored->rpath);
	free(stored->runpath);
	free(stored->object.path);
	free(stored->object.needed);
	free(stored->object.segments);
	free(stored->object.dynamic);
	free(stored->object.symbols);
	free(stored->object.versions);
	free(stored->object.relocations);
	free(stored->object.relatives);
	free(stored->object.relr);
	free(stored);
}

void store_free_objects(struct matr_store *store)
{
	for (size_t i = 0; i < store->loaded.room; i++)
		if (store->loaded.entries[i].used)
			free_object(
				(struct stored_object *)(uintptr_t)store->loaded.entries[i].value);
	map_free(&store->loaded);
}

static int parse_build_id(struct matr_store *store, const char *text, struct matr_build_id *id,
			  struct matr_error *err)
{
	size_t length = text ? strlen(text) : 0;
	unsigned int byte;

	if (length % 2 != 0 || length > 2 * MATR_BUILD_ID_MAX)
		return store_damaged(store, err, "build-id of an absurd length");
	for (size_t i = 0; i < length / 2; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return store_damaged(store, err, "build-id that is not hexadecimal");
		id->bytes[i] = (uint8_t)byte;
	}
	id->size = (uint8_t)(length / 2);
	return 0;
}

static int read_row(struct matr_store *store, int64_t id, struct stored_object *stored,
		    struct matr_error *err)
{
	struct matr_object *object = &stored->object;
	sqlite3_stmt *row = store_statement(
		store,
		"SELECT path, build_id, device, inode, size, mtime, ctime, build_id_vaddr, flags,"
		" machine, interpreter, soname, rpath, runpath, dynamic_vaddr"
		" FROM objects WHERE id = ?1",
		err);
	if (!row)
		return -1;
	store_bind(row, 1, id);
	int found = store_step(store, row, err);
	if (found <= 0)
		return found < 0 ? -1 : store_damaged(store, err, "object missing");
	int result = -1;
	if (store_column_text(row, 0, &object->path, err) != 0 ||
	    store_column_text(row, 10, &stored->interpreter, err) != 0 ||
	    store_column_text(row, 11, &stored->soname, err) != 0 ||
	    store_column_text(row, 12, &stored->rpath, err) != 0 ||
	    store_column_text(row, 13, &stored->runpath, err) != 0)
		goto done;
	if (!object->path) {
		store_damaged(store, err, "object without a path");
		goto done;
	}
	if (parse_build_id(store, (const char *)sqlite3_column_text(row, 1), &object->build_id,
			   err) != 0)
		goto done;
	object->file = store_column_file_id(row, 2);
	object->build_id_vaddr = (uint64_t)sqlite3_column_int64(row, 7);
	object->flags = (uint32_t)sqlite3_column_int64(row, 8);
	object->machine = (uint16_t)sqlite3_column_int64(row, 9);
	object->interpreter = stored->interpreter;
	object->soname = stored->soname;
	object->rpath = stored->rpath;
	object->runpath = stored->runpath;
	object->dynamic_vaddr = (uint64_t)sqlite3_column_int64(row, 14);
	result = 0;
done:
	sqlite3_reset(row);
	return result;
}

static int read_needed(struct matr_store *store, int64_t id, struct stored_object *stored,
		       struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store, "SELECT name FROM needed WHERE object_id = ?1 ORDER BY position", id, err);

	if (store_rows_of_text(store, statement, &stored->needed, &stored->n_needed, err) != 0)
		return -1;
	stored->object.needed = calloc(stored->n_needed + 1, sizeof *stored->object.needed);
	if (!stored->object.needed)
		return matr_fail_memory(err);
	for (size_t i = 0; i < stored->n_needed; i++)
		stored->object.needed[i] = stored->needed[i];
	stored->object.n_needed = stored->n_needed;
	return 0;
}

/* Find the blob of a part. Returns 1 if found, 0 if the object has none, -1 on error. */
static int find_blob(struct matr_store *store, int64_t id, enum codec_part part, int64_t *blob,
		     struct matr_error *err)
{
	return store_find_id(store,
			     "SELECT blob_id FROM object_blobs WHERE object_id = ?1 AND part = ?2",
			     id, part, blob, err);
}

/* Read the contents of a part. *out: free(). Returns 1 if found, 0 if the object has none, -1 on
 * error. */
static int read_contents(struct matr_store *store, int64_t id, enum codec_part part, uint8_t **out,
			 size_t *size, struct matr_error *err)
{
	int64_t blob;
	int found = find_blob(store, id, part, &blob, err);

	if (found <= 0)
		return found;
	return store_blob_get(store, blob, out, size, err) == 0 ? 1 : -1;
}

/* Decode a part. contents: taken over. */
static int take_part(struct matr_store *store, enum codec_part part, uint8_t *contents, size_t size,
		     struct stored_object *stored, struct matr_error *err)
{
	struct varint_cursor cursor = {.at = contents, .end = contents + size};

	stored->parts[part] = contents;
	if (codec_decode_part(&stored->object, part, &cursor) != 0)
		return cursor.damaged ? store_damaged(store, err, "part of an object")
				      : matr_fail_memory(err);
	stored->read |= 1U << part;
	/* Only versions and symbols have strings in their blobs. */
	if (part == CODEC_RELOCATIONS || part == CODEC_RELATIVES) {
		free(stored->parts[part]);
		stored->parts[part] = NULL;
	}
	return 0;
}

static int read_part(struct matr_store *store, int64_t id, enum codec_part part,
		     struct stored_object *stored, struct matr_error *err)
{
	uint8_t *contents;
	size_t size;
	int found = read_contents(store, id, part, &contents, &size, err);

	if (found <= 0)
		return found < 0 ? -1 : store_damaged(store, err, "part of an object missing");
	return take_part(store, part, contents, size, stored, err);
}

/* Get the object with its headers only. */
static struct matr_object *get_headers(struct matr_store *store, int64_t id, struct matr_error *err)
{
	uint64_t known;

	if (map_get(&store->loaded, (uint64_t)id, &known))
		return &((struct stored_object *)(uintptr_t)known)->object;
	struct stored_object *stored = calloc(1, sizeof *stored);
	if (!stored) {
		matr_fail_memory(err);
		return NULL;
	}
	stored->id = id;
	if (read_row(store, id, stored, err) != 0 || read_needed(store, id, stored, err) != 0 ||
	    read_part(store, id, CODEC_HEADERS, stored, err) != 0)
		goto fail;
	if (map_set(&store->loaded, (uint64_t)id, (uintptr_t)stored) != 0) {
		matr_fail_memory(err);
		goto fail;
	}
	return &stored->object;
fail:
	free_object(stored);
	return NULL;
}

/* Read the parts that the object lacks. */
static int read_parts(struct matr_store *store, struct matr_object *object, unsigned parts,
		      struct matr_error *err)
{
	struct stored_object *stored = (struct stored_object *)object; /* its first member */

	for (unsigned part = 0; part < CODEC_N_PARTS; part++)
		if (parts & ~stored->read & 1U << part &&
		    read_part(store, stored->id, (enum codec_part)part, stored, err) != 0)
			return -1;
	return 0;
}

int store_complete_object(struct matr_store *store, struct matr_object *object,
			  struct matr_error *err)
{
	return read_parts(store, object, (1U << CODEC_N_PARTS) - 1, err);
}

struct matr_object *store_get_object(struct matr_store *store, int64_t id, struct matr_error *err)
{
	return store_get_parts(store, id, (1U << CODEC_N_PARTS) - 1, err);
}

struct matr_object *store_get_parts(struct matr_store *store, int64_t id, unsigned parts,
				    struct matr_error *err)
{
	struct matr_object *object = get_headers(store, id, err);

	return object && read_parts(store, object, parts, err) == 0 ? object : NULL;
}

struct matr_object *store_get_with_symbol(struct matr_store *store, int64_t id, uint32_t symbol,
					  struct matr_error *err)
{
	struct matr_object *object = store_get_parts(store, id, 1U << CODEC_SYMBOLS, err);

	if (!object || symbol < object->n_symbols)
		return object;
	store_damaged(store, err, "symbol missing");
	return NULL;
}

int store_read_object(struct matr_store *store, int64_t id, struct matr_object **out,
		      struct matr_error *err)
{
	struct stored_object *stored = calloc(1, sizeof *stored);

	*out = stored ? &stored->object : NULL;
	if (!stored)
		return matr_fail_memory(err);
	stored->id = id;
	if (read_row(store, id, stored, err) != 0 || read_needed(store, id, stored, err) != 0 ||
	    read_part(store, id, CODEC_HEADERS, stored, err) != 0 ||
	    read_part(store, id, CODEC_SYMBOLS, stored, err) != 0)
		return -1;
	return read_part(store, id, CODEC_RELOCATIONS, stored, err);
}

void store_drop_object(struct matr_object *object)
{
	free_object((struct stored_object *)object); /* its first member */
}

int store_object_headers(struct matr_store *store, int64_t epoch, struct matr_object ***out,
			 size_t *n, struct matr_error *err)
{
	int64_t *ids;
	size_t n_ids;

	if (store_object_ids(store, epoch, &ids, &n_ids, err) != 0)
		return -1;
	struct matr_object **list = calloc(n_ids + 1, sizeof(struct matr_object *));
	int result = list ? 0 : matr_fail_memory(err);
	for (size_t i = 0; i < n_ids && result == 0; i++) {
		list[i] = get_headers(store, ids[i], err);
		if (!list[i])
			result = -1;
		else if (map_set(&store->ids, (uintptr_t)list[i], (uint64_t)ids[i]) != 0)
			result = matr_fail_memory(err);
	}
	free(ids);
	if (result != 0) {
		free(list);
		return -1;
	}
	*out = list;
	*n = n_ids;
	return 0;
}

/* ---- the symbols alone ---- */

unsigned store_parts_read(const struct matr_store *store, int64_t id)
{
	uint64_t known;

	return map_get(&store->loaded, (uint64_t)id, &known)
		       ? ((const struct stored_object *)(uintptr_t)known)->read
		       : 0;
}

void store_drop_parts(struct matr_object *object, unsigned parts)
{
	struct stored_object *stored = (struct stored_object *)object; /* its first member */

	parts &= stored->read;
	if (parts & 1U << CODEC_SYMBOLS) {
		free(object->symbols);
		object->symbols = NULL;
		object->n_symbols = 0;
		free(stored->parts[CODEC_SYMBOLS]);
		stored->parts[CODEC_SYMBOLS] = NULL;
	}
	if (parts & 1U << CODEC_RELOCATIONS) {
		free(object->relocations);
		object->relocations = NULL;
		object->n_relocations = 0;
	}
	stored->read &= ~(parts & (1U << CODEC_SYMBOLS | 1U << CODEC_RELOCATIONS));
}

int store_object_symbols(struct matr_store *store, int64_t object, struct store_symbols *out,
			 struct matr_error *err)
{
	struct matr_object decoded = {.path = NULL};
	uint8_t *contents;
	size_t size;

	*out = (struct store_symbols){.n = 0};
	int found = read_contents(store, object, CODEC_SYMBOLS, &contents, &size, err);
	if (found <= 0)
		return found;
	struct varint_cursor cursor = {.at = contents, .end = contents + size};
	int result = 0;
	if (codec_decode_part(&decoded, CODEC_SYMBOLS, &cursor) != 0)
		result = cursor.damaged ? store_damaged(store, err, "part of an object")
					: matr_fail_memory(err);
	*out = (struct store_symbols){decoded.symbols, decoded.n_symbols, contents};
	if (result != 0)
		store_symbols_free(out);
	return result;
}

void store_symbols_free(struct store_symbols *symbols)
{
	free(symbols->list);
	free(symbols->names);
	*symbols = (struct store_symbols){.n = 0};
}

/* View the contents of a part: store_blob_view(). Returns 1 if found, 0 if the object has none, -1
 * on error. */
static int view_contents(struct matr_store *store, int64_t id, enum codec_part part,
			 const uint8_t **out, size_t *size, struct matr_error *err)
{
	int64_t blob;
	int found = find_blob(store, id, part, &blob, err);

	if (found <= 0)
		return found;
	return store_blob_view(store, blob, out, size, err) == 0 ? 1 : -1;
}

static int note_named(struct store_named *named, size_t symbol, struct matr_error *err)
{
	if (!named->found)
		named->found = calloc(named->n, sizeof *named->found);
	if (!named->found)
		return matr_fail_memory(err);
	named->found[symbol] = true;
	return 0;
}

/* Try the names that have the text. */
static int try_names(struct store_named *named, const char *names, const char *end,
		     struct matr_error *err)
{
	const char *name = names, *next, *hit;

	for (size_t i = 0; name < end; i++, name = next) {
		hit = named->text
			      ? memmem(name, (size_t)(end - name), named->text, strlen(named->text))
			      : name;
		if (!hit)
			break;
		for (next = name + strlen(name) + 1; next <= hit; i++) {
			name = next;
			next = name + strlen(name) + 1;
		}
		/* Symbol 0 is none. */
		if (i > 0 && i < named->n && named->is_named(name, named->context) &&
		    note_named(named, i, err) != 0)
			return -1;
	}
	return 0;
}

int store_find_named(struct matr_store *store, int64_t object, struct store_named *named,
		     struct matr_error *err)
{
	const uint8_t *contents;
	const char *names;
	size_t size;

	named->found = NULL;
	named->n = 0;
	int there = view_contents(store, object, CODEC_SYMBOLS, &contents, &size, err);
	if (there <= 0)
		return there;
	if (named->text && !memmem(contents, size, named->text, strlen(named->text)))
		return 0;
	if (codec_symbol_names(contents, size, &names, &named->n) != 0)
		return store_damaged(store, err, "part of an object");
	if (try_names(named, names, (const char *)contents + size, err) != 0)
		return -1;
	return named->found != NULL;
}

int store_object_relocations(struct matr_store *store, int64_t object, size_t n_symbols,
			     struct matr_relocation **out, size_t *n, struct matr_error *err)
{
	struct matr_object decoded = {.n_symbols = n_symbols};
	const uint8_t *contents;
	size_t size;

	int found = view_contents(store, object, CODEC_RELOCATIONS, &contents, &size, err);
	if (found <= 0)
		return found < 0 ? -1 : store_damaged(store, err, "part of an object missing");
	struct varint_cursor cursor = {.at = contents, .end = contents + size};
	if (codec_decode_part(&decoded, CODEC_RELOCATIONS, &cursor) != 0) {
		free(decoded.relocations);
		return cursor.damaged ? store_damaged(store, err, "part of an object")
				      : matr_fail_memory(err);
	}
	*out = decoded.relocations;
	*n = decoded.n_relocations;
	return 0;
}
