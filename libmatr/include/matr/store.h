/* store.h - the store: every object, scope and binding of an epoch, in one SQLite database.
 *
 * The store is the source of truth: the epoch image is compiled from it, and everything that `matr`
 * shows is read from it, without the ELF files. It can be made again from them at any time.
 * docs/store.md describes the tables, for queries in SQL.
 *
 * Beginning an epoch writes the store (matr/epoch.h); these functions read it. Use a store in one
 * thread only.
 *
 * Errors of all functions: STORE (SQLite's message: disk full, locked, ...), MALFORMED (the
 * database or a blob in it is damaged; the error's file is the store's path), RESOURCES.
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
#define MATR_STORE_VERSION 13	      /* PRAGMA user_version of what this libmatr writes */

/* Open the store of a prefix, to read. No write permission is needed.
 * *out belongs to the caller: matr_store_close().
 * Errors: NOT_FOUND (there is none), DENIED (this user may not read it), STATE (a newer MatR
 * wrote it), MALFORMED (it is no database, or another program's). */
MATR_API int matr_store_open(const char *prefix, struct matr_store **out, struct matr_error *err);

/* Make the file: URI by which SQLite opens the file at `path`.
 * query: "" or a query, as "?mode=ro".
 * Returns NULL without memory. The caller frees it: free(). */
MATR_API char *matr_store_uri(const char *path, const char *query);

/* Check whether this user may read the store at `path`.
 * Errors: DENIED (the message is the system's), NOT_FOUND (there is none). */
MATR_API int matr_store_check_access(const char *path, struct matr_error *err);

/* ---- a copy, for users who may not read the store ---- */

/* The bytes of a store, and the epoch whose image was in force at that time (0: none). */
struct matr_store_copy {
	unsigned char *bytes;
	size_t size;
	int64_t image;
};

/* Copy the prefix's store into memory. image: the epoch whose image is in force
 * (matr_epoch_of_image()). Get it before the call: if an epoch begins in between, the store is
 * ahead of the image, as it is on disk for a short time. The opposite would be a state that never
 * existed. *out belongs to the caller: matr_store_copy_free(). Errors: those of
 * matr_store_open(). */
MATR_API int matr_store_copy_make(const char *prefix, int64_t image, struct matr_store_copy *out,
				  struct matr_error *err);
/* Allocate room for the bytes of a copy that comes from elsewhere.
 * size: bytes. Returns NULL without memory. */
MATR_API unsigned char *matr_store_copy_room(size_t size);
MATR_API void matr_store_copy_free(struct matr_store_copy *copy);

/* Open a copy as the store of `prefix`, to read. The store takes the copy over, also on error:
 * *copy is empty then. *out belongs to the caller: matr_store_close(). Errors: those of
 * matr_store_open(). */
MATR_API int matr_store_open_copy(const char *prefix, struct matr_store_copy *copy,
				  struct matr_store **out, struct matr_error *err);

/* Get the copy that the store was opened from. It belongs to the store.
 * Returns NULL if the store was opened from its files. */
MATR_API const struct matr_store_copy *matr_store_copied(const struct matr_store *store);

/* Attach the copy to a connection, read-only, as the database `schema`. The copy must outlive the
 * connection.
 * Returns SQLite's result code. */
MATR_API int matr_store_copy_attach(const struct matr_store_copy *copy, struct sqlite3 *db,
				    const char *schema);

/* Close a store, and free its objects. NULL is allowed. */
MATR_API void matr_store_close(struct matr_store *store);

/* Start a read transaction that lasts until the store is closed: all reads see one snapshot, and
 * writers are not blocked. It also saves SQLite a lock for each statement. */
MATR_API int matr_store_freeze(struct matr_store *store, struct matr_error *err);

/* ---- reading ---- */

enum { MATR_STORE_CAUSE_MAX = 512 }; /* bytes, with the NUL */

struct matr_store_epoch {
	int64_t id;
	char cause[MATR_STORE_CAUSE_MAX]; /* why it was begun, one line; "": not known */
	int64_t begun, ended;		  /* seconds since 1970; ended 0: it has not ended */
	char cpu_level[32];
	bool portable; /* also for copies of the file tree: only sizes and build-ids count */
	int64_t image; /* the epoch whose image it has: its own, or an equal earlier one */
	size_t applications, declined;
	size_t carried;	      /* applications that are as in the epoch before */
	size_t objects;	      /* different objects in all scopes of the epoch */
	size_t closures;      /* what applications load */
	size_t closures_left; /* closures that are left to ld.so */
};

/* Get the record of an epoch.
 * id: 0 for the newest.
 * Errors: NOT_FOUND (the store has no such epoch). */
MATR_API int matr_store_epoch(struct matr_store *store, int64_t id, struct matr_store_epoch *out,
			      struct matr_error *err);

/* List the ids of all epochs, oldest first.
 * *out belongs to the caller: free(). */
MATR_API int matr_store_epochs(struct matr_store *store, int64_t **out, size_t *n,
			       struct matr_error *err);

/* Get the newest epoch that has the image with that number.
 * Errors: NOT_FOUND (there is none). */
MATR_API int matr_store_epoch_of_image(struct matr_store *store, int64_t image,
				       struct matr_store_epoch *out, struct matr_error *err);

/* Files of one kind that a scan passed over: "script", "static", ... (matr_scan_kind_name()). */
struct matr_store_skipped {
	char *kind;
	uint64_t files;
};
/* List what the epoch's scan passed over.
 * *out belongs to the caller: matr_store_skipped_free(). */
MATR_API int matr_store_skipped(struct matr_store *store, int64_t epoch,
				struct matr_store_skipped **out, size_t *n, struct matr_error *err);
MATR_API void matr_store_skipped_free(struct matr_store_skipped *skipped, size_t n);

struct matr_store_application {
	int64_t id;
	char *path;   /* canonical */
	bool carried; /* an earlier epoch has the same record: nothing of it has changed since */
};

/* List the epoch's applications, by id.
 * *out belongs to the caller: matr_store_applications_free(). */
MATR_API int matr_store_applications(struct matr_store *store, int64_t epoch,
				     struct matr_store_application **out, size_t *n,
				     struct matr_error *err);
MATR_API void matr_store_applications_free(struct matr_store_application *applications, size_t n);

struct matr_store_declined {
	char *path, *reason;
};

/* List the programs that the epoch declined, by path.
 * *out belongs to the caller: matr_store_declined_free(). */
MATR_API int matr_store_declined(struct matr_store *store, int64_t epoch,
				 struct matr_store_declined **out, size_t *n,
				 struct matr_error *err);
MATR_API void matr_store_declined_free(struct matr_store_declined *declined, size_t n);

/* List the epoch's applications that have a file in their scope or in a closure for which
 * `is_meant` returns true. It is asked with the canonical path, the path under which the file was
 * found, and its soname (NULL: none).
 * *out belongs to the caller: free(). It has n ids, sorted. */
MATR_API int matr_store_users(struct matr_store *store, int64_t epoch,
			      bool (*is_meant)(const char *path, const char *found_as,
					       const char *soname, void *context),
			      void *context, int64_t **out, size_t *n, struct matr_error *err);

/* Find the epoch's application for a path: the one recorded at this path, or else one that was the
 * same file (hard links).
 * path: canonical.
 * Errors: NOT_FOUND; if the program was declined, the message has the reason. */
MATR_API int matr_store_find(struct matr_store *store, int64_t epoch, const char *path,
			     int64_t *application, struct matr_error *err);

/* Read an application's mapping, as matr_resolve() made it.
 * *out belongs to the caller: matr_mapping_free(). Its objects belong to the store: they live
 * until matr_store_close(), and the same object is the same pointer in all mappings read from
 * one store. */
MATR_API int matr_store_mapping(struct matr_store *store, int64_t application,
				struct matr_mapping **out, struct matr_error *err);

/* An object's file. */
struct matr_store_file {
	char *path;
	struct matr_file_id id;
};

/* List the files of all objects in the epoch's scopes, by path.
 * *out belongs to the caller: matr_store_files_free(). */
MATR_API int matr_store_files(struct matr_store *store, int64_t epoch, struct matr_store_file **out,
			      size_t *n, struct matr_error *err);
MATR_API void matr_store_files_free(struct matr_store_file *files, size_t n);

/* ---- violations ---- */

/* A change, during an epoch, of a file or directory that its mappings depend on. */
struct matr_violation {
	int64_t time; /* when it was noticed, nanoseconds since 1970 */
	char *path;
	char *kind;	  /* modified, replaced, removed, added, attributes */
	char *action;	  /* withdrawn, ended (the epoch was), none */
	int64_t pid;	  /* the process that made the change; 0: not known */
	int64_t uid;	  /* -1: not known */
	char *command;	  /* NULL: not known */
	char *detail;	  /* may be NULL */
	char **withdrawn; /* the applications' canonical paths */
	size_t n_withdrawn;
};

/* List the epoch's violations, oldest first.
 * *out belongs to the caller: matr_store_violations_free(). */
MATR_API int matr_store_violations(struct matr_store *store, int64_t epoch,
				   struct matr_violation **out, size_t *n, struct matr_error *err);
MATR_API void matr_store_violations_free(struct matr_violation *violations, size_t n);

/* ---- closures ---- */

struct matr_store_closure {
	int64_t id;
	char *root;
	char *flags;  /* matr/recording.h */
	char *reason; /* why it is left to ld.so; NULL: it is in the image */
	size_t objects;
};

/* List the application's closures, in order.
 * *out belongs to the caller: matr_store_closures_free(). */
MATR_API int matr_store_closures(struct matr_store *store, int64_t application,
				 struct matr_store_closure **out, size_t *n,
				 struct matr_error *err);
MATR_API void matr_store_closures_free(struct matr_store_closure *closures, size_t n);

/* Count the epoch's applications that have closures. */
MATR_API int matr_store_count_loading(struct matr_store *store, int64_t epoch, size_t *n,
				      struct matr_error *err);

/* Read one closure of the application.
 * out->mapping belongs to the caller: matr_mapping_free(). Its objects belong to the store. */
MATR_API int matr_store_closure(struct matr_store *store, int64_t application,
				const struct matr_store_closure *record, struct matr_closure *out,
				struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
