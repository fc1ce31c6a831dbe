/* blob.c - content-addressed, compressed blobs.
 *
 * A blob is found by the hash of its uncompressed contents, so equal contents are stored once, and
 * nothing is compressed that is there already. The zstd frame carries its own checksum and size: a
 * blob that was damaged on disk is noticed when it is read.
 */
#include "store/blob.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/array.h"
#include "store/statement.h"

/* More than any part of any object on a system takes, less than what would be a nuisance. */
#define BLOB_SIZE_MAX (UINT64_C(1) << 31)

/* *out is malloc'ed. */
static int compress(const struct matr_store *store, const struct varint_buffer *contents,
		    void **out, size_t *size, struct matr_error *err)
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

int store_blob_hash(struct store_blob *blob, struct matr_error *err)
{
	if (blob->contents.failed)
		return matr_fail_memory(err);
	blake2b(blob->contents.data, blob->contents.size, blob->hash);
	return 0;
}

int store_blob_compress(const struct matr_store *store, struct store_blob *blob,
			struct matr_error *err)
{
	return compress(store, &blob->contents, &blob->data, &blob->size, err);
}

void store_blob_free(struct store_blob *blob)
{
	varint_buffer_free(&blob->contents);
	free(blob->data);
	blob->data = NULL;
}

static int insert(struct matr_store *store, const struct store_blob *blob, int64_t *id,
		  struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store, "INSERT INTO blobs (hash, size, data) VALUES (?1, ?2, ?3)", err);
	if (!statement)
		return -1;
	sqlite3_bind_blob(statement, 1, blob->hash, MATR_HASH_SIZE, SQLITE_STATIC);
	store_bind(statement, 2, (int64_t)blob->contents.size);
	sqlite3_bind_blob64(statement, 3, blob->data, blob->size, SQLITE_STATIC);
	int result = store_execute(store, statement, err);
	sqlite3_clear_bindings(statement);
	*id = sqlite3_last_insert_rowid(store->db);
	return result;
}

int store_blob_put(struct matr_store *store, struct store_blob *blob, int64_t *id,
		   struct matr_error *err)
{
	int found = store_find_by_hash(store, "SELECT id FROM blobs WHERE hash = ?1", blob->hash,
				       id, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (!blob->data && store_blob_compress(store, blob, err) != 0)
		return -1;
	return insert(store, blob, id, err);
}

/* A blob as its row has it; valid until the statement is reset. */
struct row {
	sqlite3_stmt *statement;
	const void *data;
	size_t data_size, size; /* compressed, and of the contents */
};

static int read_row(struct matr_store *store, int64_t id, struct row *out, struct matr_error *err)
{
	sqlite3_stmt *statement =
		store_statement_for(store, "SELECT size, data FROM blobs WHERE id = ?1", id, err);

	if (!statement)
		return -1;
	int found = store_step(store, statement, err);
	if (found <= 0)
		return found < 0 ? -1 : store_damaged(store, err, "blob missing");
	uint64_t size = (uint64_t)sqlite3_column_int64(statement, 0);
	*out = (struct row){
		.statement = statement,
		.data = sqlite3_column_blob(statement, 1),
		.data_size = (size_t)sqlite3_column_bytes(statement, 1),
		.size = (size_t)size,
	};
	if (out->data && size <= BLOB_SIZE_MAX &&
	    ZSTD_getFrameContentSize(out->data, out->data_size) == size)
		return 0;
	sqlite3_reset(statement);
	return store_damaged(store, err, "blob of the wrong size");
}

/* contents: of row->size bytes. */
static int decompress(struct matr_store *store, const struct row *row, uint8_t *contents,
		      struct matr_error *err)
{
	if (!store->decompression)
		store->decompression = ZSTD_createDCtx();
	if (!store->decompression)
		return matr_fail_memory(err);
	size_t result = ZSTD_decompressDCtx(store->decompression, contents, row->size, row->data,
					    row->data_size);
	if (ZSTD_isError(result) || result != row->size)
		return store_damaged(store, err,
				     ZSTD_isError(result) ? ZSTD_getErrorName(result)
							  : "short blob");
	return 0;
}

int store_blob_get(struct matr_store *store, int64_t id, uint8_t **out, size_t *size,
		   struct matr_error *err)
{
	struct row row;

	if (read_row(store, id, &row, err) != 0)
		return -1;
	uint8_t *contents = malloc(row.size + 1);
	int result = contents ? decompress(store, &row, contents, err) : matr_fail_memory(err);
	sqlite3_reset(row.statement);
	if (result != 0) {
		free(contents);
		return -1;
	}
	*out = contents;
	*size = row.size;
	return 0;
}

int store_blob_view(struct matr_store *store, int64_t id, const uint8_t **out, size_t *size,
		    struct matr_error *err)
{
	struct row row;

	if (read_row(store, id, &row, err) != 0)
		return -1;
	int result = array_reserve(&store->viewed, &store->viewed_room, row.size + 1, 1, err);
	if (result == 0)
		result = decompress(store, &row, store->viewed, err);
	sqlite3_reset(row.statement);
	*out = store->viewed;
	*size = row.size;
	return result;
}
