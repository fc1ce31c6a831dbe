/* copy.c - the store as bytes, for users who may not read its files.
 *
 * matrd makes the bytes and hands them to its clients (docs/protocol.md). Clients read them with
 * the code that reads the files elsewhere. sqlite3_serialize() reads all pages in one transaction,
 * so the bytes are one snapshot, whatever is written meanwhile. sqlite3_deserialize() makes a
 * database of them, which any number of connections may share as long as none writes. The store
 * does not hold the number of the image in force, and a user who may not read the store may not
 * read the image either, so its epoch goes with the bytes.
 */
#include "store/copy.h"

#include "store/statement.h"

/* Of the header: 1 with a rollback journal, 2 with WAL, which bytes in memory cannot have. */
enum { HEADER_SIZE = 100, WRITE_VERSION = 18, READ_VERSION = 19 };

int store_copy_bytes(struct matr_store *store, struct matr_store_copy *out, struct matr_error *err)
{
	sqlite3_int64 size;
	unsigned char *bytes = sqlite3_serialize(store->db, "main", &size, 0);

	if (!bytes && sqlite3_errcode(store->db) == SQLITE_OK)
		return matr_fail_memory(err);
	if (!bytes)
		return store_fail(store, err);
	if (size < HEADER_SIZE) {
		sqlite3_free(bytes);
		return store_damaged(store, err, "no database");
	}
	bytes[WRITE_VERSION] = bytes[READ_VERSION] = 1;
	out->bytes = bytes;
	out->size = (size_t)size;
	return 0;
}

unsigned char *matr_store_copy_room(size_t size)
{
	return sqlite3_malloc64(size);
}

void matr_store_copy_free(struct matr_store_copy *copy)
{
	sqlite3_free(copy->bytes);
	*copy = (struct matr_store_copy){.bytes = NULL};
}

int matr_store_copy_attach(const struct matr_store_copy *copy, sqlite3 *db, const char *schema)
{
	return sqlite3_deserialize(db, schema, copy->bytes, (sqlite3_int64)copy->size,
				   (sqlite3_int64)copy->size, SQLITE_DESERIALIZE_READONLY);
}
