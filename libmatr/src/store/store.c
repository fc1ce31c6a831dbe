/* store.c - opening and closing the store, and the transaction of an epoch.
 *
 * SQLite does the hard part: with WAL a writer that dies at any point leaves the last committed
 * state. Two things need care:
 *
 * - Readers of a WAL database need its -shm file. A user who may write to the prefix creates it
 *   (and removes it with the last close); an ordinary user looking at /var/lib/matr cannot, and on
 *   a full disk no user can. Without a -wal file there is no writer and the database file is
 *   complete, so that it can be opened as `immutable`, which needs no other file.
 * - auto_vacuum has to be chosen before the first table exists; with it the file shrinks when the
 *   epochs that filled it are removed.
 */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/path.h"
#include "store/copy.h"
#include "store/object.h"
#include "store/prune.h"
#include "store/schema.h"
#include "store/statement.h"
#include "store/transaction.h"

enum {
	BUSY_MILLISECONDS = 5000, /* how long to wait for another process's transaction */
	COMPRESSION_LEVEL = 9,	  /* zstd: beyond that, time doubles for a few per cent of size */
};

int matr_store_freeze(struct matr_store *store, struct matr_error *err)
{
	return store_run_sql(store, "BEGIN", err);
}

/* ---- open and close ---- */

char *matr_store_uri(const char *path, const char *query)
{
	size_t room = 3 * strlen(path) + strlen(query) + sizeof "file:";
	char *uri = malloc(room);
	if (!uri)
		return NULL;
	char *at = uri + sprintf(uri, "file:");
	for (; *path; path++) {
		if (strchr("?#%", *path))
			at += sprintf(at, "%%%02x", (unsigned char)*path);
		else
			*at++ = *path;
	}
	strcpy(at, query);
	return uri;
}

static int open_database(struct matr_store *store, const char *query, int flags,
			 struct matr_error *err)
{
	char *uri = matr_store_uri(store->path, query);

	if (!uri)
		return matr_fail_memory(err);
	flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
	int result = sqlite3_open_v2(uri, &store->db, flags, NULL);
	free(uri);
	if (result != SQLITE_OK)
		return store_fail(store, err);
	sqlite3_busy_timeout(store->db, BUSY_MILLISECONDS);
	return 0;
}

static int open_to_write(struct matr_store *store, struct matr_error *err)
{
	if (open_database(store, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) != 0 ||
	    store_run_sql(store, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;",
			  err) != 0 ||
	    store_run_sql(store, "PRAGMA foreign_keys = ON", err) != 0)
		return -1;
	return store_migrate(store, true, err);
}

/* Open and look whether it can be read; closed again where not. */
static int try_to_read(struct matr_store *store, const char *query, int flags,
		       struct matr_error *err)
{
	if (open_database(store, query, flags, err) == 0 &&
	    store_run_sql(store, "PRAGMA query_only = ON", err) == 0 &&
	    store_migrate(store, false, err) == 0)
		return 0;
	store_forget_statements(store);
	sqlite3_close(store->db);
	store->db = NULL;
	return -1;
}

static int refuse_access(const char *path, const char *when, struct matr_error *err)
{
	if (errno == EACCES || errno == EPERM)
		return matr_fail(err, MATR_ERROR_DENIED, path, "cannot be read%s: %s", when,
				 strerror(errno));
	return matr_fail_errno(err, path, "cannot be read%s", when);
}

/* The store's files beside it: NAME-wal and NAME-shm. *out is malloc'ed. */
static int name_beside(const char *path, const char *suffix, char **out, struct matr_error *err)
{
	return asprintf(out, "%s-%s", path, suffix) < 0 ? matr_fail_memory(err) : 0;
}

/* Test whether there is a journal with something in it. */
static bool is_written(const char *wal)
{
	struct stat status;
	return stat(wal, &status) == 0 && status.st_size > 0;
}

int matr_store_check_access(const char *path, struct matr_error *err)
{
	char *wal, *shm, *directory;
	int result = 0;

	if (access(path, R_OK) != 0)
		return errno == ENOENT
			       ? matr_fail(err, MATR_ERROR_NOT_FOUND, path, "there is no store")
			       : refuse_access(path, "", err);
	if (name_beside(path, "wal", &wal, err) != 0)
		return -1;
	if (name_beside(path, "shm", &shm, err) != 0) {
		free(wal);
		return -1;
	}
	directory = strndup(path, path_directory(path));
	/* While it is written a reader needs both files, and has to make the second where it is
	 * missing. */
	if (!directory)
		result = matr_fail_memory(err);
	else if (is_written(wal) && (access(wal, R_OK) != 0 ||
				     (access(shm, R_OK) != 0 && access(directory, W_OK) != 0)))
		result = refuse_access(path, " while it is written", err);
	free(directory);
	free(shm);
	free(wal);
	return result;
}

static int open_to_read(struct matr_store *store, const char *prefix, struct matr_error *err)
{
	struct matr_error why = {0};
	char *wal;

	if (matr_store_check_access(store->path, err) != 0 ||
	    name_beside(store->path, "wal", &wal, err) != 0)
		return -1;
	bool ours = access(prefix, W_OK) == 0 && access(store->path, W_OK) == 0;
	int result = 0;
	if (ours || is_written(wal)) {
		int flags = ours ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
		result = try_to_read(store, "", flags, &why);
		if (result == 0) {
			free(wal);
			return 0;
		}
	}
	/* The writer may have finished meanwhile. */
	bool complete = result == 0 || (why.code == MATR_ERROR_STORE && !is_written(wal));
	free(wal);
	if (complete)
		return try_to_read(store, "?immutable=1", SQLITE_OPEN_READONLY, err);
	return matr_error_copy(err, &why);
}

static struct matr_store *new_store(const char *prefix, struct matr_error *err)
{
	struct matr_store *store = calloc(1, sizeof *store);

	if (store && asprintf(&store->path, "%s/" MATR_STORE_FILE, prefix) >= 0) {
		store->compression_level = COMPRESSION_LEVEL;
		return store;
	}
	free(store);
	matr_fail_memory(err);
	return NULL;
}

int matr_store_open(const char *prefix, struct matr_store **out, struct matr_error *err)
{
	struct matr_store *store = new_store(prefix, err);

	if (!store)
		return -1;
	if (open_to_read(store, prefix, err) != 0) {
		matr_store_close(store);
		return -1;
	}
	*out = store;
	return 0;
}

int store_open_to_write(const char *prefix, struct matr_store **out, struct matr_error *err)
{
	struct matr_store *store = new_store(prefix, err);

	if (!store)
		return -1;
	if (open_to_write(store, err) != 0) {
		matr_store_close(store);
		return -1;
	}
	*out = store;
	return 0;
}

int matr_store_copy_make(const char *prefix, int64_t image, struct matr_store_copy *out,
			 struct matr_error *err)
{
	struct matr_store *store;

	*out = (struct matr_store_copy){.image = image};
	if (matr_store_open(prefix, &store, err) != 0)
		return -1;
	int result = store_copy_bytes(store, out, err);
	matr_store_close(store);
	return result;
}

int matr_store_open_copy(const char *prefix, struct matr_store_copy *copy, struct matr_store **out,
			 struct matr_error *err)
{
	struct matr_store *store = new_store(prefix, err);

	if (!store) {
		matr_store_copy_free(copy);
		return -1;
	}
	store->copy = *copy;
	*copy = (struct matr_store_copy){.bytes = NULL};
	if (sqlite3_open_v2(":memory:", &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK ||
	    matr_store_copy_attach(&store->copy, store->db, "main") != SQLITE_OK)
		store_fail(store, err);
	else if (store_run_sql(store, "PRAGMA query_only = ON", err) == 0 &&
		 store_migrate(store, false, err) == 0) {
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

void matr_store_close(struct matr_store *store)
{
	if (!store)
		return;
	store_forget_statements(store);
	/* Rolls back what is open; the last one to close folds the WAL into the database. */
	sqlite3_close(store->db);
	store_free_objects(store);
	ZSTD_freeDCtx(store->decompression);
	free(store->viewed);
	map_free(&store->ids);
	matr_store_copy_free(&store->copy);
	free(store->path);
	free(store);
}

/* ---- the transaction of an epoch ---- */

int store_begin(struct matr_store *store, const char *cpu_level, int64_t after, int64_t *epoch,
		struct matr_error *err)
{
	if (store_transaction_begin(store, err) != 0)
		return -1;
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT INTO epochs (id, begun, cpu_level) VALUES"
		" (1 + max(?2, coalesce((SELECT max(id) FROM epochs), 0)), unixepoch(), ?1)",
		err);
	if (!insert)
		return -1;
	store_bind(insert, 2, after);
	store_bind_text(insert, 1, cpu_level ? cpu_level : "");
	if (store_execute(store, insert, err) != 0)
		return -1;
	*epoch = sqlite3_last_insert_rowid(store->db);
	return 0;
}

int store_commit(struct matr_store *store, size_t keep, struct matr_error *err)
{
	/* The image that is in force until the new one is may be that of the epoch before. */
	if (store_remove_epochs(store, keep > 2 ? keep : 2, INT64_MAX, NULL, err) != 0 ||
	    store_transaction_commit(store, err) != 0)
		return -1;
	map_free(&store->ids);
	/* Giving pages back is a convenience: the epoch has been committed whether or not it
	 * works. */
	(void)store_give_back(store);
	return 0;
}

/* One line: control characters become spaces. A character is not cut in two. */
static void clean_cause(const char *cause, char out[MATR_STORE_CAUSE_MAX])
{
	size_t n = strnlen(cause, MATR_STORE_CAUSE_MAX - 1);

	while (n && cause[n] && ((unsigned char)cause[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)cause[i] < ' ' || cause[i] == 0x7f ? ' ' : cause[i];
	out[n] = 0;
}

int store_set_cause(struct matr_store *store, int64_t epoch, const char *cause,
		    struct matr_error *err)
{
	char line[MATR_STORE_CAUSE_MAX];
	sqlite3_stmt *update =
		store_statement(store, "UPDATE epochs SET cause = ?2 WHERE id = ?1", err);

	if (!update)
		return -1;
	clean_cause(cause, line);
	store_bind(update, 1, epoch);
	store_bind_text(update, 2, line);
	return store_execute(store, update, err);
}

int store_set_portable(struct matr_store *store, int64_t epoch, struct matr_error *err)
{
	sqlite3_stmt *update =
		store_statement(store, "UPDATE epochs SET portable = 1 WHERE id = ?1", err);
	if (!update)
		return -1;
	store_bind(update, 1, epoch);
	return store_execute(store, update, err);
}

int store_end_epoch(struct matr_store *store, int64_t epoch, struct matr_error *err)
{
	sqlite3_stmt *update = store_statement(
		store, "UPDATE epochs SET ended = unixepoch() WHERE id = ?1 AND ended IS NULL",
		err);
	if (!update)
		return -1;
	store_bind(update, 1, epoch);
	return store_execute(store, update, err);
}
