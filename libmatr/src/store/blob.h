/* blob.h - content-addressed, compressed blobs. */
#ifndef MATR_STORE_BLOB_H
#define MATR_STORE_BLOB_H

#include <matr/store.h>

#include "base/blake2b.h"
#include "base/varint.h"

/* Contents on their way into the store. Hashing and compressing need nothing of the store that
 * changes, and may run in any thread. */
struct store_blob {
	struct varint_buffer contents;
	uint8_t hash[MATR_HASH_SIZE];
	void *data; /* compressed; NULL: not yet */
	size_t size;
};

int store_blob_hash(struct store_blob *blob, struct matr_error *err);
int store_blob_compress(const struct matr_store *store, struct store_blob *blob,
			struct matr_error *err);
void store_blob_free(struct store_blob *blob);

/* Get the id of the blob with these contents, whose hash is known. Compresses and writes it if the
 * store has none. */
int store_blob_put(struct matr_store *store, struct store_blob *blob, int64_t *id,
		   struct matr_error *err);

/* Read a blob's contents. *out: free(). */
int store_blob_get(struct matr_store *store, int64_t id, uint8_t **out, size_t *size,
		   struct matr_error *err);

/* View a blob's contents, which the next view overwrites. It is faster than store_blob_get() for
 * many blobs, since all are decompressed to the same memory. */
int store_blob_view(struct matr_store *store, int64_t id, const uint8_t **out, size_t *size,
		    struct matr_error *err);

#endif
