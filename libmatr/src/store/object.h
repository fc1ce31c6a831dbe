/* object.h - objects in the store. */
#ifndef MATR_STORE_OBJECT_H
#define MATR_STORE_OBJECT_H

#include "codec/object.h"
#include "store/blob.h"

/* ---- writing ---- */

/* An object's parts, encoded and compressed. May be made in any thread. */
struct store_encoded_object {
	struct store_blob parts[CODEC_N_PARTS];
	uint8_t hash[MATR_HASH_SIZE];
	uint64_t content; /* checksum of the file's bytes; set by the caller if it is known */
	bool has_content;
};

int store_encode_object(const struct matr_store *store, const struct matr_object *object,
			struct store_encoded_object *out, struct matr_error *err);
void store_encoded_object_free(struct store_encoded_object *encoded);

/* Compute objects.hash: equal for two objects if the store would hold the same of both in all
 * columns and blobs. */
int store_object_hash(const struct matr_object *object, uint8_t hash[MATR_HASH_SIZE],
		      struct matr_error *err);

/* Write the object if the store has none like it, and remember its id. */
int store_put_encoded(struct matr_store *store, const struct matr_object *object,
		      struct store_encoded_object *encoded, int64_t *id, struct matr_error *err);

/* Encode and write the object, unless its id is known. */
int store_put_object(struct matr_store *store, const struct matr_object *object, int64_t *id,
		     struct matr_error *err);

/* Get the id of an object that was written, or read with its headers. False: it was neither. */
bool store_object_id(const struct matr_store *store, const struct matr_object *object, int64_t *id);

/* ---- the same content in another file ---- */

struct store_object_content {
	uint64_t content;
	uint8_t hash[MATR_HASH_SIZE]; /* store_object_hash() */
};

/* Get what the object is compared by. Returns 1 if found, 0 if its content is not known, -1 on
 * error. */
int store_object_content(struct matr_store *store, int64_t object, struct store_object_content *out,
			 struct matr_error *err);

/* Give the object another file, with the hash that follows from that. Returns 1 if done, 0 if the
 * store has such an object already, -1 on error. */
int store_object_move(struct matr_store *store, int64_t object, const struct matr_file_id *file,
		      const uint8_t hash[MATR_HASH_SIZE], struct matr_error *err);

/* ---- reading; the objects belong to the store ---- */

/* Get the object, reading it at most once. */
struct matr_object *store_get_object(struct matr_store *store, int64_t id, struct matr_error *err);

/* Get the object with its headers and these parts, at least (bits: 1U << CODEC_...). */
struct matr_object *store_get_parts(struct matr_store *store, int64_t id, unsigned parts,
				    struct matr_error *err);

/* Get the object with its headers and symbols, if `symbol` is the index of one. */
struct matr_object *store_get_with_symbol(struct matr_store *store, int64_t id, uint32_t symbol,
					  struct matr_error *err);

/* Get the parts of an object that were read (bits); 0: it was not read. */
unsigned store_parts_read(const struct matr_store *store, int64_t id);

/* Free symbols and relocations of an object that nothing else uses, to go through many objects
 * without keeping them.
 * parts: bits; those that store_parts_read() had before the object was read must stay. */
void store_drop_parts(struct matr_object *object, unsigned parts);

/* Read the parts that such an object lacks. */
int store_complete_object(struct matr_store *store, struct matr_object *object,
			  struct matr_error *err);

/* Get all objects of the epoch with their headers only: the same pointers as in mappings read from
 * the store. *out: free(). */
int store_object_headers(struct matr_store *store, int64_t epoch, struct matr_object ***out,
			 size_t *n, struct matr_error *err);

void store_free_objects(struct matr_store *store);

/* Read an object's headers, symbols and relocations, for a caller that goes through many objects:
 * the store does not keep it. *out: store_drop_object(), also after an error. */
int store_read_object(struct matr_store *store, int64_t id, struct matr_object **out,
		      struct matr_error *err);
void store_drop_object(struct matr_object *object); /* NULL is allowed */

/* ---- symbols and relocations alone, which nothing keeps ---- */

struct store_symbols {
	struct matr_symbol *list;
	size_t n;
	uint8_t *names; /* that the list points to */
};

/* Decode the object's symbols; none if the store has none. *out: store_symbols_free(). */
int store_object_symbols(struct matr_store *store, int64_t object, struct store_symbols *out,
			 struct matr_error *err);
void store_symbols_free(struct store_symbols *symbols);

/* Symbols that are called something. */
struct store_named {
	const char *text; /* every such name has it; NULL: not known */
	bool (*is_named)(const char *name, const void *context);
	const void *context;
	bool *found; /* per symbol; NULL if none is called so */
	size_t n;    /* symbols of the object */
};

/* Find the object's symbols by their names alone.
 * named: the first three are given. found: free().
 * Returns 1 if there are any, 0 if not, -1 on error. */
int store_find_named(struct matr_store *store, int64_t object, struct store_named *named,
		     struct matr_error *err);

/* Decode the object's relocations.
 * n_symbols: of the object. *out: free().
 * Errors: MALFORMED if the store has none. */
int store_object_relocations(struct matr_store *store, int64_t object, size_t n_symbols,
			     struct matr_relocation **out, size_t *n, struct matr_error *err);

#endif
