/* store.c - opening the store, its snapshot, and which epochs are selected.
 *
 * Readers of a WAL database need its -shm file, which not every user may create; without a -wal
 * file the database is complete and can be opened as immutable (store/store.c does the same). A
 * connection of that kind does not notice writers, so before each snapshot the files are examined,
 * and if they have changed the store is opened again.
 */
#include "sql/mapping/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <matr/epoch.h>
#include <matr/prefix.h>
#include <matr/store.h>

#include "base/file_id.h"
#include "sql/mapping/cache.h"

enum { BUSY_MILLISECONDS = 5000 };

struct mapping_store *mapping_store_new(const char *prefix, int64_t epoch,
					const struct matr_store_copy *copy,
					int (*add_functions)(struct mapping_store *store))
{
	struct mapping_store *store = calloc(1, sizeof *store);
	const char *environment = secure_getenv("MATR_PREFIX");

	if (!store)
		return NULL;
	if (!prefix)
		prefix = environment && *environment ? environment : MATR_DEFAULT_PREFIX;
	store->selection = epoch;
	store->copy = copy;
	store->add_functions = add_functions;
	store->prefix = strdup(prefix);
	if (asprintf(&store->path, "%s/" MATR_STORE_FILE, prefix) < 0)
		store->path = NULL;
	if (!store->prefix || !store->path) {
		mapping_store_free(store);
		return NULL;
	}
	return store;
}

static void close_store(struct mapping_store *store)
{
	mapping_cache_clear(store);
	map_free(&store->own);
	map_free(&store->aliased);
	sqlite3_close(store->db);
	store->db = NULL;
}

void mapping_store_free(struct mapping_store *store)
{
	if (!store)
		return;
	close_store(store);
	ZSTD_freeDCtx(store->decompression);
	free(store->prefix);
	free(store->path);
	free(store);
}

/* The number that a query gives, or `otherwise` where it has no row or NULL. */
static int get_number(struct mapping_store *store, const char *sql, int64_t otherwise, int64_t *out,
		      struct matr_error *err)
{
	sqlite3_stmt *statement = mapping_prepare(store, sql, err);
	if (!statement)
		return -1;
	int more = mapping_step(store, statement, err);
	bool there = more > 0 && sqlite3_column_type(statement, 0) != SQLITE_NULL;
	*out = there ? sqlite3_column_int64(statement, 0) : otherwise;
	sqlite3_finalize(statement);
	return more < 0 ? -1 : 0;
}

/* ---- opening ---- */

/* Identify the store's files, to notice that they were replaced. False: there is no store. */
static bool identify(const struct mapping_store *store, uint64_t identity[6])
{
	char journal[4096];
	struct stat status;

	memset(identity, 0, 6 * sizeof *identity);
	if (store->copy)
		return true;
	if (stat(store->path, &status) != 0)
		return false;
	identity[0] = status.st_dev;
	identity[1] = status.st_ino;
	identity[2] = (uint64_t)status.st_size;
	identity[3] = (uint64_t)timespec_ns(&status.st_mtim);
	snprintf(journal, sizeof journal, "%.4000s-wal", store->path);
	if (stat(journal, &status) == 0) {
		identity[4] = (uint64_t)status.st_size;
		identity[5] = (uint64_t)timespec_ns(&status.st_mtim);
	}
	return true;
}

static int try_to_open(struct mapping_store *store, const char *query, int flags,
		       struct matr_error *err)
{
	char *uri = store->copy ? strdup(":memory:") : matr_store_uri(store->path, query);

	if (!uri)
		return matr_fail_memory(err);
	int result = sqlite3_open_v2(uri, &store->db, flags | SQLITE_OPEN_URI, NULL);
	free(uri);
	if (result == SQLITE_OK && store->copy)
		result = matr_store_copy_attach(store->copy, store->db, "main");
	if (result == SQLITE_OK) {
		sqlite3_busy_timeout(store->db, BUSY_MILLISECONDS);
		result = sqlite3_exec(store->db, "PRAGMA query_only = ON; PRAGMA user_version",
				      NULL, NULL, NULL);
	}
	if (result == SQLITE_OK)
		result = store->add_functions(store);
	if (result == SQLITE_OK)
		return 0;
	if (store->db)
		mapping_fail(store, err);
	else
		matr_fail_memory(err);
	sqlite3_close(store->db);
	store->db = NULL;
	return -1;
}

static int check_version(struct mapping_store *store, struct matr_error *err)
{
	int64_t version;

	if (get_number(store, "PRAGMA user_version", 0, &version, err) != 0)
		return -1;
	if (version == MATR_STORE_VERSION)
		return 0;
	if (version == 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, store->path, "not a store of MatR's");
	return matr_fail(err, MATR_ERROR_STATE, store->path, "store version %lld is %s",
			 (long long)version,
			 version > MATR_STORE_VERSION ? "a newer MatR's"
						      : "an older MatR's; begin an epoch");
}

static int open_files(struct mapping_store *store, struct matr_error *err)
{
	struct matr_error why;

	if (matr_store_check_access(store->path, &why) != 0)
		return matr_fail(err, why.code, why.file, "%s%s", why.message,
				 why.code == MATR_ERROR_NOT_FOUND ? "; `matr epoch begin` makes one"
								  : "");
	if (!identify(store, store->opened))
		return matr_fail_errno(err, store->path, "cannot be looked at");
	bool ours = access(store->prefix, W_OK) == 0 && access(store->path, W_OK) == 0;
	bool being_written = store->opened[4] > 0;
	int result = -1;
	if (ours || being_written)
		result = try_to_open(store, "", ours ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY,
				     err);
	if (result != 0 && !being_written)
		result = try_to_open(store, "?immutable=1", SQLITE_OPEN_READONLY, err);
	return result;
}

static int open_store(struct mapping_store *store, struct matr_error *err)
{
	int result = store->copy ? try_to_open(store, "", SQLITE_OPEN_READWRITE, err)
				 : open_files(store, err);
	if (result == 0 && check_version(store, err) == 0)
		return 0;
	close_store(store);
	return -1;
}

/* ---- the snapshot ---- */

/* One number of the epochs table, 0 where there is none. `condition` has a %lld for the id. */
static int find_epoch(struct mapping_store *store, const char *condition, int64_t id, int64_t *out,
		      struct matr_error *err)
{
	char *sql = sqlite3_mprintf(condition, (long long)id);

	if (!sql)
		return matr_fail_memory(err);
	int result = get_number(store, sql, 0, out, err);
	sqlite3_free(sql);
	return result;
}

/* In force, else the newest; 0: there is none at all. */
static int find_current(struct mapping_store *store, int64_t newest, int64_t *out,
			struct matr_error *err)
{
	/* An epoch may have an earlier one's image. */
	if (find_epoch(store, "SELECT max(id) FROM epochs WHERE coalesce(image_epoch, id) = %lld",
		       mapping_store_image(store), out, err) != 0)
		return -1;
	*out = *out ? *out : newest;
	return 0;
}

static int select_epochs(struct mapping_store *store, struct matr_error *err)
{
	int64_t newest, oldest, current, id = store->selection;

	if (get_number(store, "SELECT max(id) FROM epochs", 0, &newest, err) != 0 ||
	    get_number(store, "SELECT min(id) FROM epochs", 1, &oldest, err) != 0 ||
	    find_current(store, newest, &current, err) != 0)
		return -1;
	store->first = oldest;
	store->last = newest;
	if (store->selection == MATR_SQL_EPOCH_ALL)
		return 0;
	if (store->selection == MATR_SQL_EPOCH_CURRENT) {
		id = current;
	} else if (store->selection == MATR_SQL_EPOCH_PREVIOUS) {
		if (find_epoch(store, "SELECT max(id) FROM epochs WHERE id < %lld", current, &id,
			       err) != 0)
			return -1;
		if (!id)
			return matr_fail(err, MATR_ERROR_NOT_FOUND, store->path,
					 "no record of an epoch before %lld", (long long)current);
	} else {
		int64_t there;
		if (find_epoch(store, "SELECT max(id) FROM epochs WHERE id = %lld", id, &there,
			       err) != 0)
			return -1;
		if (!there)
			return matr_fail(err, MATR_ERROR_NOT_FOUND, store->path,
					 "no record of epoch %lld", (long long)id);
	}
	store->first = store->last = id;
	return 0;
}

/* Programs that were recorded under another name than their file's canonical one (hard links). */
static int find_aliases(struct mapping_store *store, struct matr_error *err)
{
	static const char sql[] =
		"SELECT a.id, o.id FROM application_records a"
		" JOIN scope_entries s ON s.application_id = a.id AND s.position = 0"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE o.path <> a.path";
	sqlite3_stmt *rows = mapping_prepare(store, sql, err);
	int more;

	if (!rows)
		return -1;
	while ((more = mapping_step(store, rows, err)) > 0) {
		uint64_t object = (uint64_t)sqlite3_column_int64(rows, 1);
		if (map_set(&store->own, (uint64_t)sqlite3_column_int64(rows, 0), object) != 0 ||
		    map_set(&store->aliased, object, 1) != 0) {
			more = matr_fail_memory(err);
			break;
		}
	}
	sqlite3_finalize(rows);
	return more;
}

int mapping_store_enter(struct mapping_store *store, struct matr_error *err)
{
	uint64_t identity[6];
	int64_t version;

	if (store->cursors > 0) {
		store->cursors++;
		return 0;
	}
	if (store->db &&
	    (!identify(store, identity) || memcmp(identity, store->opened, sizeof identity) != 0))
		close_store(store);
	bool opened = !store->db;
	if (opened && open_store(store, err) != 0)
		return -1;
	if (sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return mapping_fail(store, err);
	int result = select_epochs(store, err); /* the first read: the snapshot is taken */
	if (result == 0)
		result = get_number(store, "PRAGMA data_version", 0, &version, err);
	if (result == 0 && (opened || version != store->version)) {
		/* Row ids may stand for something else now. */
		mapping_cache_clear(store);
		map_free(&store->own);
		map_free(&store->aliased);
		store->version = version;
		result = find_aliases(store, err);
	}
	if (result != 0) {
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		close_store(store);
		return -1;
	}
	store->cursors = 1;
	return 0;
}

void mapping_store_leave(struct mapping_store *store)
{
	if (--store->cursors == 0)
		sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
}
