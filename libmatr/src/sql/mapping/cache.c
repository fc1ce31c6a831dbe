/* cache.c - objects and binding vectors, decoded when they are asked for.
 *
 * Entries are in a list by the time of their last use. When there is more than MEMORY_MAX, the
 * oldest unused ones are freed, so that queries over any number of objects run in the same memory.
 * docs/store.md has the format of the contents.
 */
#include "sql/mapping/cache.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/array.h"
#include "codec/bindings.h"

/* All vectors of a thousand programs take about 40 MB, the objects twice that. */
enum { MEMORY_MAX = 64 << 20 };

#define BLOB_SIZE_MAX (UINT64_C(1) << 31)

static int damaged(struct mapping_store *store, struct matr_error *err, const char *what)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, store->path, "damaged store: %s", what);
}

/* ---- the list ---- */

static void unlink_entry(struct mapping_store *store, struct mapping_cached *entry)
{
	*(entry->newer ? &entry->newer->older : &store->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &store->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void link_newest(struct mapping_store *store, struct mapping_cached *entry)
{
	entry->older = store->newest;
	*(store->newest ? &store->newest->newer : &store->oldest) = entry;
	store->newest = entry;
}

static void free_object(struct mapping_object *object)
{
	for (size_t part = 0; part < CODEC_N_PARTS; part++)
		free(object->contents[part]);
	free(object->object.segments);
	free(object->object.dynamic);
	free(object->object.symbols);
	free(object->object.versions);
	free(object->object.relocations);
	free(object->object.relatives);
	free(object->object.relr);
	for (size_t i = 0; i < object->object.n_needed; i++)
		free((char *)object->object.needed[i]);
	free(object->object.needed);
	free(object->same);
	free(object);
}

static void free_vector(struct mapping_vector *vector)
{
	free(vector->providers);
	free(vector->bindings);
	free(vector->bounds);
	free(vector);
}

static void free_entry(struct mapping_store *store, struct mapping_cached *entry)
{
	unlink_entry(store, entry);
	store->memory -= entry->memory;
	(void)map_set(&store->entries, entry->key, 0); /* the key is there: nothing can fail */
	if (entry->key & 1)
		free_vector((struct mapping_vector *)entry);
	else
		free_object((struct mapping_object *)entry);
}

static void shrink(struct mapping_store *store)
{
	struct mapping_cached *entry = store->oldest;

	while (entry && store->memory > MEMORY_MAX) {
		struct mapping_cached *newer = entry->newer;
		if (entry->pins == 0)
			free_entry(store, entry);
		entry = newer;
	}
}

static void grew(struct mapping_store *store, struct mapping_cached *entry, size_t bytes)
{
	entry->memory += bytes;
	store->memory += bytes;
}

static struct mapping_cached *find_entry(struct mapping_store *store, uint64_t key)
{
	uint64_t address;

	if (!map_get(&store->entries, key, &address) || !address)
		return NULL;
	struct mapping_cached *entry = (struct mapping_cached *)(uintptr_t)address;
	unlink_entry(store, entry);
	link_newest(store, entry);
	entry->pins++;
	return entry;
}

/* A new entry, all zero, pinned. */
static void *new_entry(struct mapping_store *store, uint64_t key, size_t size,
		       struct matr_error *err)
{
	struct mapping_cached *entry = calloc(1, size);

	if (!entry || map_set(&store->entries, key, (uintptr_t)entry) != 0) {
		free(entry);
		matr_fail_memory(err);
		return NULL;
	}
	entry->key = key;
	entry->pins = 1;
	link_newest(store, entry);
	grew(store, entry, size);
	return entry;
}

void mapping_unpin(struct mapping_store *store, void *pointer)
{
	struct mapping_cached *entry = pointer;

	if (!entry)
		return;
	entry->pins--;
	if (store->memory > MEMORY_MAX)
		shrink(store);
}

void mapping_cache_clear(struct mapping_store *store)
{
	while (store->newest)
		free_entry(store, store->newest);
	map_free(&store->entries);
	for (size_t i = 0; i < store->names.room; i++)
		if (store->names.entries[i].used)
			free((void *)(uintptr_t)store->names.entries[i].value);
	map_free(&store->names);
}

/* ---- names ---- */

static int read_names(struct mapping_store *store, struct matr_error *err)
{
	sqlite3_stmt *rows = mapping_prepare(
		store, "SELECT id, path, n_symbols, flags, soname FROM objects", err);
	int more;

	if (!rows)
		return -1;
	while ((more = mapping_step(store, rows, err)) > 0) {
		const char *path = (const char *)sqlite3_column_text(rows, 1);
		const char *soname = (const char *)sqlite3_column_text(rows, 4);
		size_t length = path ? strlen(path) : 0;
		struct mapping_name *name =
			malloc(sizeof *name + length + 1 + (soname ? strlen(soname) + 1 : 0));
		if (name) {
			name->n_symbols = (uint32_t)sqlite3_column_int64(rows, 2);
			name->flags = (uint32_t)sqlite3_column_int64(rows, 3);
			memcpy(name->path, path ? path : "", length + 1);
			name->soname = soname ? strcpy(name->path + length + 1, soname) : NULL;
		}
		if (!name || map_set(&store->names, (uint64_t)sqlite3_column_int64(rows, 0),
				     (uintptr_t)name) != 0) {
			free(name);
			more = matr_fail_memory(err);
			break;
		}
	}
	sqlite3_finalize(rows);
	return more;
}

const struct mapping_name *mapping_name(struct mapping_store *store, int64_t object,
					struct matr_error *err)
{
	uint64_t address;

	if (store->names.used == 0 && read_names(store, err) != 0)
		return NULL;
	if (map_get(&store->names, (uint64_t)object, &address))
		return (const struct mapping_name *)(uintptr_t)address;
	damaged(store, err, "object missing");
	return NULL;
}

/* ---- blobs ---- */

/* The contents of the blob that a query (size, data) finds, malloc'ed. */
static int read_blob(struct mapping_store *store, const char *sql, int64_t first, int64_t second,
		     uint8_t **out, size_t *size, struct matr_error *err)
{
	sqlite3_stmt *row = mapping_prepare(store, sql, err);
	int result = -1;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, first);
	sqlite3_bind_int64(row, 2, second);
	int found = mapping_step(store, row, err);
	if (found == 0)
		damaged(store, err, "blob missing");
	if (found <= 0)
		goto done;
	uint64_t expected = (uint64_t)sqlite3_column_int64(row, 0);
	const void *data = sqlite3_column_blob(row, 1);
	size_t compressed = (size_t)sqlite3_column_bytes(row, 1);
	if (!data || expected > BLOB_SIZE_MAX ||
	    ZSTD_getFrameContentSize(data, compressed) != expected) {
		damaged(store, err, "blob of the wrong size");
		goto done;
	}
	if (!store->decompression)
		store->decompression = ZSTD_createDCtx();
	uint8_t *contents = malloc(expected + 1);
	if (!contents || !store->decompression) {
		free(contents);
		matr_fail_memory(err);
		goto done;
	}
	size_t got =
		ZSTD_decompressDCtx(store->decompression, contents, expected, data, compressed);
	if (ZSTD_isError(got) || got != expected) {
		free(contents);
		damaged(store, err, ZSTD_isError(got) ? ZSTD_getErrorName(got) : "short blob");
		goto done;
	}
	*out = contents;
	*size = expected;
	result = 0;
done:
	sqlite3_finalize(row);
	return result;
}

/* ---- objects ---- */

/* Decompress a part, if it is not there. */
static int load_part(struct mapping_store *store, struct mapping_object *object, unsigned part,
		     struct matr_error *err)
{
	static const char sql[] = "SELECT b.size, b.data FROM object_blobs p JOIN blobs b"
				  " ON b.id = p.blob_id WHERE p.object_id = ?1 AND p.part = ?2";
	if (object->contents[part] || object->decoded[part])
		return 0;
	if (read_blob(store, sql, object->id, part, &object->contents[part], &object->sizes[part],
		      err) != 0)
		return -1;
	grew(store, &object->cached, object->sizes[part]);
	return 0;
}

static size_t decoded_size(const struct matr_object *object, unsigned part)
{
	switch (part) {
	case CODEC_HEADERS:
		return object->n_segments * sizeof *object->segments +
		       object->n_dynamic * sizeof *object->dynamic +
		       object->n_versions * sizeof *object->versions;
	case CODEC_SYMBOLS:
		return object->n_symbols * sizeof *object->symbols;
	case CODEC_RELOCATIONS:
		return object->n_relocations * sizeof *object->relocations;
	default:
		return (object->n_relatives + object->n_relr) * sizeof *object->relatives;
	}
}

static int decode_part(struct mapping_store *store, struct mapping_object *object, unsigned part,
		       struct matr_error *err)
{
	if (object->decoded[part])
		return 0;
	if (load_part(store, object, part, err) != 0)
		return -1;
	struct varint_cursor cursor = {.at = object->contents[part],
				       .end = object->contents[part] + object->sizes[part]};
	/* A failed attempt's memory is freed with the object. */
	object->decoded[part] = true;
	if (codec_decode_part(&object->object, (enum codec_part)part, &cursor) != 0)
		return cursor.damaged ? damaged(store, err, "part of an object")
				      : matr_fail_memory(err);
	grew(store, &object->cached, decoded_size(&object->object, part));
	/* Only versions and symbols have strings in their blobs. */
	if (part == CODEC_RELOCATIONS || part == CODEC_RELATIVES) {
		free(object->contents[part]);
		object->contents[part] = NULL;
		object->cached.memory -= object->sizes[part];
		store->memory -= object->sizes[part];
	}
	return 0;
}

static struct mapping_object *get_object(struct mapping_store *store, int64_t id,
					 struct matr_error *err)
{
	const struct mapping_name *name = mapping_name(store, id, err);
	if (!name)
		return NULL;
	struct mapping_cached *known = find_entry(store, 2 * (uint64_t)id);
	if (known)
		return (struct mapping_object *)known;
	struct mapping_object *object = new_entry(store, 2 * (uint64_t)id, sizeof *object, err);
	if (object) {
		object->id = id;
		object->object.path = (char *)name->path; /* not freed with the object */
		object->object.flags = name->flags;
		object->object.soname = name->soname;
	}
	return object;
}

/* Forget a damaged object, so that the next query reports it again. */
static void drop(struct mapping_store *store, struct mapping_cached *entry)
{
	if (--entry->pins == 0)
		free_entry(store, entry);
}

struct mapping_object *mapping_object(struct mapping_store *store, int64_t id, unsigned parts,
				      struct matr_error *err)
{
	struct mapping_object *object = get_object(store, id, err);

	/* Symbol indices of relocations are checked against the symbols. */
	if (parts & 1 << CODEC_RELOCATIONS)
		parts |= 1 << CODEC_SYMBOLS;
	for (unsigned part = 0; object && part < CODEC_N_PARTS; part++) {
		if ((parts & 1U << part) && decode_part(store, object, part, err) != 0) {
			drop(store, &object->cached);
			return NULL;
		}
	}
	return object;
}

int mapping_object_needed(struct mapping_store *store, struct mapping_object *object,
			  struct matr_error *err)
{
	struct matr_object *elf = &object->object;
	size_t room = 0;
	int more;

	if (elf->needed)
		return 0;
	sqlite3_stmt *rows = mapping_prepare(
		store, "SELECT name FROM needed WHERE object_id = ?1 ORDER BY position", err);
	if (!rows)
		return -1;
	sqlite3_bind_int64(rows, 1, object->id);
	while ((more = mapping_step(store, rows, err)) > 0) {
		const char *name = (const char *)sqlite3_column_text(rows, 0);
		if (array_reserve(&elf->needed, &room, elf->n_needed + 1, sizeof *elf->needed,
				  err) != 0) {
			more = -1;
			break;
		}
		elf->needed[elf->n_needed] = strdup(name ? name : "");
		if (!elf->needed[elf->n_needed]) {
			more = matr_fail_memory(err);
			break;
		}
		grew(store, &object->cached, strlen(elf->needed[elf->n_needed++]) + sizeof(char *));
	}
	sqlite3_finalize(rows);
	return more;
}

/* Names are at the end of the part, each with its NUL: a search through the bytes is enough. */
int mapping_object_mentions(struct mapping_store *store, int64_t id, const char *symbol,
			    struct matr_error *err)
{
	size_t size = strlen(symbol) + 1;
	struct mapping_object *object = get_object(store, id, err);

	if (!object)
		return -1;
	int found = load_part(store, object, CODEC_SYMBOLS, err);
	const uint8_t *at = object->contents[CODEC_SYMBOLS];
	if (found == 0 && at)
		found = memmem(at, object->sizes[CODEC_SYMBOLS], symbol, size) != NULL;
	mapping_unpin(store, object);
	return found;
}

/* ---- the first symbol of each name and version ---- */

static uint64_t hash_name(const char *name, uint64_t hash)
{
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash;
}

static bool same_reference(const struct matr_object *object, uint32_t a, uint32_t b)
{
	const struct matr_version *left = matr_object_symbol_version(object, &object->symbols[a]);
	const struct matr_version *right = matr_object_symbol_version(object, &object->symbols[b]);

	return strcmp(object->symbols[a].name, object->symbols[b].name) == 0 &&
	       strcmp(left ? left->name : "", right ? right->name : "") == 0;
}

static int find_same(struct mapping_store *store, struct mapping_object *object,
		     struct matr_error *err)
{
	const struct matr_object *elf = &object->object;
	size_t slots = 16;

	if (object->same)
		return 0;
	while (slots < 2 * elf->n_symbols)
		slots *= 2;
	uint32_t *same = calloc(elf->n_symbols + 1, sizeof *same);
	uint32_t *table = calloc(slots, sizeof *table);
	if (!same || !table) {
		free(same);
		free(table);
		return matr_fail_memory(err);
	}
	for (size_t i = 0; i < elf->n_relocations; i++) {
		uint32_t symbol = elf->relocations[i].symbol;
		if (symbol == 0 || same[symbol] != 0)
			continue;
		size_t slot = hash_name(elf->symbols[symbol].name, UINT64_C(0xcbf29ce484222325));
		for (slot &= slots - 1; table[slot]; slot = (slot + 1) & (slots - 1))
			if (same_reference(elf, table[slot], symbol))
				break;
		if (!table[slot])
			table[slot] = symbol;
		same[symbol] = table[slot];
	}
	free(table);
	object->same = same;
	grew(store, &object->cached, elf->n_symbols * sizeof *same);
	return 0;
}

/* ---- vectors ---- */

static int read_providers(struct mapping_store *store, struct mapping_vector *vector, int64_t id,
			  struct matr_error *err)
{
	sqlite3_stmt *rows = mapping_prepare(
		store,
		"SELECT object_id, (SELECT count(*) FROM providers WHERE vector_id = ?1)"
		" FROM providers WHERE vector_id = ?1 ORDER BY position",
		err);
	int more;

	if (!rows)
		return -1;
	sqlite3_bind_int64(rows, 1, id);
	while ((more = mapping_step(store, rows, err)) > 0) {
		if (!vector->providers) {
			size_t n = (size_t)sqlite3_column_int64(rows, 1);
			vector->providers = calloc(n, sizeof *vector->providers);
		}
		if (!vector->providers) {
			more = matr_fail_memory(err);
			break;
		}
		vector->providers[vector->n_providers++] = sqlite3_column_int64(rows, 0);
	}
	sqlite3_finalize(rows);
	return more;
}

/* The codec decodes for a scope; here it is the object, then its providers. Of those it needs
 * no more than the number of their symbols. */
static int decode_bindings(struct mapping_store *store, const struct mapping_object *object,
			   struct mapping_vector *vector, struct varint_cursor *cursor,
			   struct matr_error *err)
{
	size_t n = vector->n_providers;
	struct matr_object *objects = calloc(n + 1, sizeof *objects);
	struct matr_scope_entry *scope = calloc(n + 1, sizeof *scope);
	uint32_t *providers = calloc(n + 1, sizeof *providers);
	struct matr_mapped_object mapped = {.bindings = vector->bindings};
	struct matr_mapping mapping = {.scope = scope, .objects = &mapped, .n_scope = n + 1};
	int result = -1;

	if (!objects || !scope || !providers) {
		matr_fail_memory(err);
		goto done;
	}
	objects[0] = object->object;
	scope[0].object = &objects[0];
	for (size_t i = 0; i < n; i++) {
		const struct mapping_name *name = mapping_name(store, vector->providers[i], err);
		if (!name)
			goto done;
		objects[i + 1].n_symbols = name->n_symbols;
		scope[i + 1].object = &objects[i + 1];
		providers[i] = (uint32_t)i + 1;
	}
	result = codec_decode_bindings(&mapping, 0, cursor, providers, n);
	if (result != 0)
		cursor->damaged ? damaged(store, err, "bindings") : matr_fail_memory(err);
done:
	free(objects);
	free(scope);
	free(providers);
	return result;
}

/* Every different binding once. References to one symbol are chained; there is hardly ever more
 * than one of them. */
static int collect_bounds(const struct mapping_object *object, struct mapping_vector *vector,
			  struct matr_error *err)
{
	const struct matr_object *elf = &object->object;
	uint32_t *heads = calloc(elf->n_symbols + 1, sizeof *heads);

	vector->bounds = calloc(elf->n_relocations + 1, sizeof *vector->bounds);
	if (!heads || !vector->bounds) {
		free(heads);
		return matr_fail_memory(err);
	}
	for (size_t i = 0; i < elf->n_relocations; i++) {
		const struct matr_binding *binding = &vector->bindings[i];
		uint32_t symbol = elf->relocations[i].symbol;
		if (symbol == 0 || binding->provider == MATR_PROVIDER_NONE ||
		    !matr_symbol_is_looked_up(&elf->symbols[symbol]))
			continue;
		symbol = object->same[symbol];
		uint32_t at = heads[symbol];
		while (at && (vector->bounds[at - 1].provider != binding->provider ||
			      vector->bounds[at - 1].provider_symbol != binding->symbol))
			at = vector->bounds[at - 1].next;
		if (!at) {
			vector->bounds[vector->n_bounds++] = (struct mapping_bound){
				.symbol = symbol,
				.provider = binding->provider,
				.provider_symbol = binding->symbol,
				.next = heads[symbol],
			};
			at = heads[symbol] = (uint32_t)vector->n_bounds;
		}
		vector->bounds[at - 1].relocations++;
	}
	free(heads);
	array_fit(&vector->bounds, vector->n_bounds, sizeof *vector->bounds);
	return 0;
}

static int fill_vector(struct mapping_store *store, struct mapping_object *object,
		       struct mapping_vector *vector, int64_t id, struct matr_error *err)
{
	static const char sql[] = "SELECT b.size, b.data FROM vectors v JOIN blobs b"
				  " ON b.id = v.blob_id WHERE v.id = ?1 AND v.object_id = ?2";
	size_t n = object->object.n_relocations, size;
	uint8_t *contents = NULL;

	if (read_blob(store, sql, id, object->id, &contents, &size, err) != 0)
		return -1;
	struct varint_cursor cursor = {.at = contents, .end = contents + size};
	int result = -1;
	vector->bindings = calloc(n + 1, sizeof *vector->bindings);
	if (!vector->bindings)
		matr_fail_memory(err);
	else if (read_providers(store, vector, id, err) == 0 &&
		 decode_bindings(store, object, vector, &cursor, err) == 0 &&
		 find_same(store, object, err) == 0 && collect_bounds(object, vector, err) == 0)
		result = 0;
	free(contents);
	grew(store, &vector->cached,
	     n * sizeof *vector->bindings + vector->n_bounds * sizeof *vector->bounds +
		     vector->n_providers * sizeof *vector->providers);
	return result;
}

struct mapping_vector *mapping_vector(struct mapping_store *store, struct mapping_object *object,
				      int64_t id, struct matr_error *err)
{
	uint64_t key = 2 * (uint64_t)id + 1;
	struct mapping_cached *known = find_entry(store, key);

	if (known)
		return (struct mapping_vector *)known;
	struct mapping_vector *vector = new_entry(store, key, sizeof *vector, err);
	if (vector && fill_vector(store, object, vector, id, err) != 0) {
		drop(store, &vector->cached);
		return NULL;
	}
	return vector;
}
