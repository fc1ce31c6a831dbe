/* store_copy.c - the store as bytes, for who may not read its files.
 *
 * matrd makes the bytes and hands them to whoever asks (docs/protocol.md), and there the same code reads them as reads the
 * files elsewhere. SQLite does both: sqlite3_serialize() reads all pages in one transaction, so that the bytes are of one
 * moment whatever is written meanwhile, and sqlite3_deserialize() makes a database of them that any number of connections
 * may share as long as none writes. Which image is in force is not in the store, and who may not read that may not look at
 * the image either: so it goes with the bytes. It is looked at first. Where an epoch begins in between, the store is ahead
 * of the image, as it is on disk for that moment, and not the other way round, which would be a state that never was.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>

/* Of the header: 1 with a rollback journal, 2 with WAL, which bytes in memory cannot have. */
enum { HEADER_SIZE = 100, WRITE_VERSION = 18, READ_VERSION = 19 };

int matr_store_copy_make(const char *prefix, struct matr_store_copy *out, struct matr_error *err)
{
	struct matr_store *store;
	sqlite3_int64 size;

	*out = (struct matr_store_copy){.image = matr_epoch_of_image(prefix)};
	if (matr_store_open(prefix, MATR_STORE_READ, &store, err) != 0)
		return -1;
	out->bytes = sqlite3_serialize(store->db, "main", &size, 0);
	int result = 0;
	if (!out->bytes && sqlite3_errcode(store->db) == SQLITE_OK)
		result = matr_fail_memory(err);
	else if (!out->bytes)
		result = matr_store_fail(store, err);
	else if (size < HEADER_SIZE)
		result = matr_store_damaged(store, err, "no database");
	matr_store_close(store);
	if (result != 0) {
		matr_store_copy_free(out);
		return -1;
	}
	out->bytes[WRITE_VERSION] = out->bytes[READ_VERSION] = 1;
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

int matr_store_open_copy(const char *prefix, struct matr_store_copy *copy, struct matr_store **out,
			 struct matr_error *err)
{
	struct matr_store *store = matr_store_new(prefix, err);

	if (!store) {
		matr_store_copy_free(copy);
		return -1;
	}
	store->copy = *copy;
	*copy = (struct matr_store_copy){.bytes = NULL};
	if (sqlite3_open_v2(":memory:", &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK ||
	    matr_store_copy_attach(&store->copy, store->db, "main") != SQLITE_OK)
		matr_store_fail(store, err);
	else if (matr_store_transaction(store, "PRAGMA query_only = ON", err) == 0 &&
		 matr_store_migrate(store, false, err) == 0) {
		*out = store;
		return 0;
	}
	matr_store_close(store);
	return -1;
}

const struct matr_store_copy *matr_store_copied(const struct matr_store *store)
{
	return store->copy.bytes ? &store->copy : NULL;
}
