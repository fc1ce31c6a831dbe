/* connection.c - statements over the store. */
#include "sql/mapping/store.h"

#include <matr/epoch.h>
#include <matr/store.h>

int mapping_fail(struct mapping_store *store, struct matr_error *err)
{
	int code = sqlite3_errcode(store->db);
	bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;

	if (code == SQLITE_NOMEM)
		return matr_fail_memory(err);
	return matr_fail(err, damaged ? MATR_ERROR_MALFORMED : MATR_ERROR_STORE, store->path,
			 "%s%s", damaged ? "damaged store: " : "", sqlite3_errmsg(store->db));
}

sqlite3_stmt *mapping_prepare(struct mapping_store *store, const char *sql, struct matr_error *err)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK)
		return statement;
	mapping_fail(store, err);
	return NULL;
}

int mapping_step(struct mapping_store *store, sqlite3_stmt *statement, struct matr_error *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return mapping_fail(store, err);
	}
}

int64_t mapping_store_image(const struct mapping_store *store)
{
	return store->copy ? store->copy->image : matr_epoch_of_image(store->prefix);
}
