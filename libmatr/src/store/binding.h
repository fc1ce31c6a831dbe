/* binding.h - binding vectors: how one object binds. */
#ifndef MATR_STORE_BINDING_H
#define MATR_STORE_BINDING_H

#include "store/blob.h"
#include "store/usage.h"

/* Binding vector of one object, encoded. May be made in any thread.
 * ids: row ids of the scope's objects. */
struct store_encoded_vector {
	struct store_blob bindings;
	uint32_t *providers; /* scope indices */
	size_t n_providers;
	uint8_t hash[MATR_HASH_SIZE];
};

int store_encode_vector(const struct matr_mapping *mapping, size_t requester, const int64_t *ids,
			struct store_encoded_vector *out, struct matr_error *err);
void store_encoded_vector_free(struct store_encoded_vector *vector);

/* Get the id of the vector, writing it if the store has none like it. */
int store_put_vector(struct matr_store *store, struct store_encoded_vector *vector,
		     size_t requester, const int64_t *ids, int64_t *id, struct matr_error *err);
int store_get_bindings(struct matr_store *store, struct matr_mapping *mapping, size_t requester,
		       const int64_t *ids, int64_t vector, struct matr_error *err);

/* A vector as a mapping of its own: the scope is the object, then its providers, and only the
 * object has bindings. Of the providers only the number of symbols is known: read them by their
 * ids (store_get_parts()). */
struct store_vector_mapping {
	struct matr_mapping mapping;
	int64_t *ids;		     /* parallel to the scope */
	struct matr_object *objects; /* parallel to the scope: what it says of the providers */
	uint32_t *places;	     /* of the providers in the scope */
};

/* Read a vector.
 * object: the vector's, with symbols and relocations. It outlives *out.
 * *out: store_vector_mapping_free(). */
int store_vector(struct matr_store *store, const struct store_vector *vector,
		 struct matr_object *object, struct store_vector_mapping *out,
		 struct matr_error *err);
void store_vector_mapping_free(struct store_vector_mapping *vector);

/* Get the id of a provider of the vector by its position among them. */
int store_vector_provider(struct matr_store *store, const struct store_vector *vector,
			  uint32_t position, int64_t *id, struct matr_error *err);

#endif
