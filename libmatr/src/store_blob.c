/* store_blob.c - content-addressed, compressed blobs.
 *
 * A blob is found by the hash of its uncompressed contents, so equal contents are stored once, and
 * nothing is compressed that is there already. The zstd frame carries its own checksum and size: a
 * blob that was damaged on disk is noticed when it is read.
 */
#include "hash.h"
#include "store_private.h"

#include <stdlib.h>
#include <zstd.h>

/* More than any part of any object on a system takes, less than what would be a nuisance. */
#define BLOB_SIZE_MAX (UINT64_C(1) << 31)

/* *out is malloc'ed. */
static int compress(struct matr_store *store, const struct matr_columns *contents, void **out,
		    size_t *size, struct matr_error *err)
{
	size_t room = ZSTD_compressBound(contents->size);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	void *data = malloc(room);
	size_t result = 0;

	if (!context || !data) {
		matr_fail_memory(err);
		goto fail;
	}
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, store->compression_level);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	result = ZSTD_compress2(context, data, room, contents->data, contents->size);
	if (ZSTD_isError(result)) {
		matr_fail(err, MATR_ERROR_STORE, store->path, "compression: %s",
			  ZSTD_getErrorName(result));
		goto fail;
	}
	ZSTD_freeCCtx(context);
	*out = data;
	*size = result;
	return 0;
fail:
	ZSTD_freeCCtx(context);
	free(data);
	return -1;
}

static int insert(struct matr_store *store, const uint8_t *hash,
		  const struct matr_columns *contents, int64_t *id, struct matr_error *err)
{
	void *data;
	size_t size;

	if (compress(store, contents, &data, &size, err) != 0)
		return -1;
	sqlite3_stmt *statement = matr_statement(
		store, "INSERT INTO blobs (hash, size, data) VALUES (?1, ?2, ?3)", err);
	int result = -1;
	if (statement) {
		sqlite3_bind_blob(statement, 1, hash, MATR_HASH_SIZE, SQLITE_STATIC);
		matr_bind(statement, 2, (int64_t)contents->size);
		sqlite3_bind_blob64(statement, 3, data, size, SQLITE_STATIC);
		result = matr_execute(store, statement, err);
		sqlite3_clear_bindings(statement);
		*id = sqlite3_last_insert_rowid(store->db);
	}
	free(data);
	return result;
}

int matr_blob_put(struct matr_store *store, struct matr_columns *contents, int64_t *id,
		  struct matr_error *err)
{
	uint8_t hash[MATR_HASH_SIZE];
	int result = -1;

	if (contents->failed) {
		matr_fail_memory(err);
	} else {
		matr_hash(contents->data, contents->size, hash);
		int found = matr_find_by_hash(store, "SELECT id FROM blobs WHERE hash = ?1", hash,
					      id, err);
		if (found > 0)
			result = 0;
		else if (found == 0)
			result = insert(store, hash, contents, id, err);
	}
	matr_columns_free(contents);
	return result;
}

static int decompress(struct matr_store *store, const void *data, size_t data_size,
		      uint64_t expected, uint8_t **out, size_t *size, struct matr_error *err)
{
	if (!data || expected > BLOB_SIZE_MAX ||
	    ZSTD_getFrameContentSize(data, data_size) != expected)
		return matr_store_damaged(store, err, "blob of the wrong size");
	uint8_t *contents = malloc(expected + 1);
	if (!contents)
		return matr_fail_memory(err);
	size_t result = ZSTD_decompress(contents, expected, data, data_size);
	if (ZSTD_isError(result) || result != expected) {
		free(contents);
		return matr_store_damaged(store, err,
					  ZSTD_isError(result) ? ZSTD_getErrorName(result)
							       : "short blob");
	}
	*out = contents;
	*size = expected;
	return 0;
}

int matr_blob_get(struct matr_store *store, int64_t id, uint8_t **out, size_t *size,
		  struct matr_error *err)
{
	sqlite3_stmt *statement =
		matr_statement(store, "SELECT size, data FROM blobs WHERE id = ?1", err);
	if (!statement)
		return -1;
	matr_bind(statement, 1, id);
	int found = matr_step(store, statement, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return matr_store_damaged(store, err, "blob missing");
	const void *data = sqlite3_column_blob(statement, 1);
	int result = decompress(store, data, (size_t)sqlite3_column_bytes(statement, 1),
				(uint64_t)sqlite3_column_int64(statement, 0), out, size, err);
	sqlite3_reset(statement);
	return result;
}
