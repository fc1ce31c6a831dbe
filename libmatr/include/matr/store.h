/* store.h - the store: every object, scope and binding of an epoch, in one SQLite database.
 *
 * The store is the source of truth: the epoch image is compiled from what it holds, and everything
 * `matr` shows is read from it, without a look at the ELF files. It can be made again from them at
 * any time. docs/store.md describes the tables, for whoever wants to query them with SQL.
 *
 * Beginning an epoch writes it (matr/epoch.h); here it is read. Not thread-safe: one per thread.
 *
 * Errors of all functions: MATR_ERROR_STORE (SQLite's message: disk full, locked, ...), MALFORMED
 * (the database or a blob in it is damaged; file is the store's path), MEMORY.
 */
#ifndef MATR_STORE_H
#define MATR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>
#include <matr/file_id.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_closure;
struct matr_mapping;
struct matr_store;
struct sqlite3;

#define MATR_STORE_FILE	   "store.db" /* in the prefix */
#define MATR_STORE_VERSION 9	      /* PRAGMA user_version of what this libmatr writes */

/* Open the store in the directory `prefix`, to read. No write permission is needed.
 * *out belongs to the caller: matr_store_close().
 * Errors: NOT_FOUND: there is none; DENIED: this user may not read it; STATE: it was written by a newer MatR; MALFORMED: it is
 * no database, or another program's. */
MATR_API int matr_store_open(const char *prefix, struct matr_store **out, struct matr_error *err);

/* The file: URI by which SQLite opens the file at `path` with a query such as "?mode=ro". malloc'ed;
 * NULL: out of memory. */
MATR_API char *matr_store_uri(const char *path, const char *query);

/* Why the store at `path` may not be read by this user, as far as permissions say: DENIED (message: the system's), or
 * NOT_FOUND; 0: there is one, and it may. */
MATR_API int matr_store_check_access(const char *path, struct matr_error *err);

/* ---- a copy, for who may not read the store himself ---- */

/* The bytes of a store at one moment, and the epoch whose image was in force then (0: none). */
struct matr_store_copy {
	unsigned char *bytes;
	size_t size;
	int64_t image;
};

/* Copy the prefix's store into memory. `image` is the epoch whose image is in force (matr_epoch_of_image()), which the
 * caller gets first: if an epoch begins in between, the store is ahead of the image, as it is on disk for that moment.
 * The other way round would be a state that never was. *out: matr_store_copy_free(). Errors as of matr_store_open(). */
MATR_API int matr_store_copy_make(const char *prefix, int64_t image, struct matr_store_copy *out,
				  struct matr_error *err);
/* Room for the bytes of a copy that comes from elsewhere. NULL: out of memory. */
MATR_API unsigned char *matr_store_copy_room(size_t size);
MATR_API void matr_store_copy_free(struct matr_store_copy *copy);

/* Open a copy as the store of `prefix`, to read. It is taken over, also where that fails: *copy is empty then. Errors as of
 * matr_store_open(). */
MATR_API int matr_store_open_copy(const char *prefix, struct matr_store_copy *copy,
				  struct matr_store **out, struct matr_error *err);

/* The copy that the store was opened from, which lives as long as it; NULL: it was opened from its files. */
MATR_API const struct matr_store_copy *matr_store_copied(const struct matr_store *store);

/* Make the copy the database `schema` of a connection, read-only; it has to live as long as that is open. Gives SQLite's
 * result code. */
MATR_API int matr_store_copy_attach(const struct matr_store_copy *copy, struct sqlite3 *db,
				    const char *schema);

/* NULL is allowed. */
MATR_API void matr_store_close(struct matr_store *store);

/* Everything that is read from now on, until the store is closed, is of one moment, whatever others write meanwhile (they
 * do not wait for it). For whoever reads much: SQLite then takes its locks once, not per statement. */
MATR_API int matr_store_freeze(struct matr_store *store, struct matr_error *err);

/* ---- reading ---- */

struct matr_store_epoch {
	int64_t id;
	int64_t begun, ended; /* seconds since 1970; ended 0: it was not */
	char cpu_level[32];
	bool portable; /* begun for copies of the file tree as well: only sizes and build-ids count */
	int64_t image; /* the epoch whose image it has: its own, or that of an earlier one that it is like */
	size_t applications, declined;
	size_t carried; /* of the applications, so many are as in the epoch before */
	size_t objects; /* different ones in all scopes of the epoch */
	size_t closures,
		closures_left; /* what applications load; so many of them are left to ld.so */
};

/* The epoch of that id, or the newest one where id is 0. NOT_FOUND: the store has no such epoch. */
MATR_API int matr_store_epoch(struct matr_store *store, int64_t id, struct matr_store_epoch *out,
			      struct matr_error *err);

/* The ids of all epochs, oldest first. *out: free(). */
MATR_API int matr_store_epochs(struct matr_store *store, int64_t **out, size_t *n,
			       struct matr_error *err);

/* The newest epoch that has the image with that number. NOT_FOUND: none. */
MATR_API int matr_store_epoch_of_image(struct matr_store *store, int64_t image,
				       struct matr_store_epoch *out, struct matr_error *err);

/* What a scan passed over: "script", ... *out: matr_store_skipped_free(). */
struct matr_store_skipped {
	char *kind;
	uint64_t files;
};
MATR_API int matr_store_skipped(struct matr_store *store, int64_t epoch,
				struct matr_store_skipped **out, size_t *n, struct matr_error *err);
MATR_API void matr_store_skipped_free(struct matr_store_skipped *skipped, size_t n);

struct matr_store_application {
	int64_t id;
	char *path;   /* canonical */
	bool carried; /* it was the record of an earlier epoch too: nothing of it has changed since */
};

/* The epoch's applications in order of id. *out belongs to the caller:
 * matr_store_applications_free(). */
MATR_API int matr_store_applications(struct matr_store *store, int64_t epoch,
				     struct matr_store_application **out, size_t *n,
				     struct matr_error *err);
MATR_API void matr_store_applications_free(struct matr_store_application *applications, size_t n);

struct matr_store_declined {
	char *path, *reason;
};

/* What the epoch declined, by path. *out: matr_store_declined_free(). */
MATR_API int matr_store_declined(struct matr_store *store, int64_t epoch,
				 struct matr_store_declined **out, size_t *n,
				 struct matr_error *err);
MATR_API void matr_store_declined_free(struct matr_store_declined *declined, size_t n);

/* The epoch's application for `path` (canonical): the one recorded at this path, else one that was
 * the same file (hard links). NOT_FOUND: none; where it was declined, the message says why. */
MATR_API int matr_store_find(struct matr_store *store, int64_t epoch, const char *path,
			     int64_t *application, struct matr_error *err);

/* An application's mapping, as matr_resolve() made it. *out belongs to the caller
 * (matr_mapping_free), its objects to the store: they live until matr_store_close(), and the same
 * object is the same pointer in all mappings read from one store. */
MATR_API int matr_store_mapping(struct matr_store *store, int64_t application,
				struct matr_mapping **out, struct matr_error *err);

struct matr_store_file { /* an object, as far as a look at the file system needs it */
	char *path;
	struct matr_file_id id;
};

/* All objects of the epoch's scopes, by path. *out: matr_store_files_free(). */
MATR_API int matr_store_files(struct matr_store *store, int64_t epoch, struct matr_store_file **out,
			      size_t *n, struct matr_error *err);
MATR_API void matr_store_files_free(struct matr_store_file *files, size_t n);

/* ---- violations ---- */

struct matr_violation { /* a change during an epoch of what its mappings follow from */
	int64_t time;	/* nanoseconds since 1970, when it was noticed */
	char *path;
	char *kind;	  /* modified, replaced, removed, added, attributes */
	char *action;	  /* withdrawn, ended (the epoch was), none */
	int64_t pid;	  /* whose doing; 0: not known */
	int64_t uid;	  /* -1: not known */
	char *command;	  /* NULL: not known */
	char *detail;	  /* may be NULL */
	char **withdrawn; /* the applications' canonical paths */
	size_t n_withdrawn;
};

/* The epoch's, oldest first. *out: matr_store_violations_free(). */
MATR_API int matr_store_violations(struct matr_store *store, int64_t epoch,
				   struct matr_violation **out, size_t *n, struct matr_error *err);
MATR_API void matr_store_violations_free(struct matr_violation *violations, size_t n);

/* ---- closures ---- */

struct matr_store_closure {
	int64_t id;
	char *root;
	char *flags;  /* matr/recording.h */
	char *reason; /* why it is left to ld.so; NULL: it is not */
	size_t objects;
};

/* The application's closures, in order. *out: matr_store_closures_free(). */
MATR_API int matr_store_closures(struct matr_store *store, int64_t application,
				 struct matr_store_closure **out, size_t *n,
				 struct matr_error *err);
MATR_API void matr_store_closures_free(struct matr_store_closure *closures, size_t n);

/* One closure's mapping, whose objects belong to the store. *out: matr_mapping_free(). */
MATR_API int matr_store_closure(struct matr_store *store, int64_t application,
				const struct matr_store_closure *record, struct matr_closure *out,
				struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
