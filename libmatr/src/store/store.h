/* store_private.h - what the store_*.c files share; nobody else includes it.
 *
 *	store.c            open, close, transactions, statements
 *	store_copy.c       the store as bytes in memory
 *	store_schema.c     the tables and their migrations
 *	store_blob.c       content-addressed, compressed blobs
 *	store_object.c     objects
 *	store_binding.c    binding vectors
 *	store_mapping.c    applications, scopes
 *	store_closure.c    what applications load
 *	store_rows.c       the rows of a statement as an array
 *	store_query.c      lists
 *	store_prune.c      which epochs are kept
 */
#ifndef MATR_STORE_PRIVATE_H
#define MATR_STORE_PRIVATE_H

#include "base/blake2b.h"
#include "base/map.h"
#include "base/varint.h"
#include "codec/object.h"

#include <matr/mapping.h>
#include <matr/store.h>
#include <sqlite3.h>

struct matr_store {
	sqlite3 *db;
	char *path;
	bool in_transaction;
	bool has_orphans; /* records of applications that may be no epoch's any more */
	struct matr_map
		statements;	/* SQL text (address) -> sqlite3_stmt *, prepared when first used */
	struct matr_map ids;	/* object being written (address) -> row id */
	struct matr_map loaded; /* row id -> struct matr_object * read back */
	int compression_level;	/* zstd's */
	struct matr_store_copy copy; /* what db is made of; no bytes: the files */
};

/* The store of a prefix, not open yet; matr_store_close(). */
struct matr_store *matr_store_new(const char *prefix, struct matr_error *err);

/* ---- store.c: statements ---- */

/* The statement for `sql`, reset and with all parameters NULL. It is kept until the store is closed
 * and found again by the text's address, so sql has to be a string literal. NULL: error. */
sqlite3_stmt *matr_statement(struct matr_store *store, const char *sql, struct matr_error *err);

/* Step to the next row: 1 row, 0 done, -1 error. */
int matr_step(struct matr_store *store, sqlite3_stmt *statement, struct matr_error *err);

/* Step a statement that gives no rows. */
int matr_execute(struct matr_store *store, sqlite3_stmt *statement, struct matr_error *err);

/* The id that `sql`, a literal with one parameter, gives for a content hash: 1 found, 0 not, -1 error. */
int matr_find_by_hash(struct matr_store *store, const char *sql, const uint8_t *hash, int64_t *id,
		      struct matr_error *err);

/* Run SQL without parameters or results: BEGIN, COMMIT, ROLLBACK. */
int matr_store_transaction(struct matr_store *store, const char *sql, struct matr_error *err);

/* Report what SQLite says, with the code that fits. Always -1. */
int matr_store_fail(struct matr_store *store, struct matr_error *err);

/* Report that the contents make no sense. Always -1. */
int matr_store_damaged(struct matr_store *store, struct matr_error *err, const char *what);

/* Bind parameters; text and blobs have to live until the statement is stepped. Errors show when it
 * is. text may be NULL. */
void matr_bind(sqlite3_stmt *statement, int parameter, int64_t value);
void matr_bind_text(sqlite3_stmt *statement, int parameter, const char *text);

/* A text column as a malloc'ed string; NULL where it is NULL. -1: out of memory. */
int matr_column_text(sqlite3_stmt *statement, int column, char **out, struct matr_error *err);

/* ---- store_rows.c ---- */

/* Rows on their way into an array:
 *
 *	struct matr_rows rows = matr_rows(store, statement, sizeof *item);
 *	while ((item = matr_next_row(&rows, err)) != NULL)
 *		item->number = sqlite3_column_int64(statement, 0);
 *
 * Then items and n are the caller's to keep, or to free where it failed. */
struct matr_rows {
	struct matr_store *store;
	sqlite3_stmt *statement;
	size_t element, n;
	void *items;
	bool failed; /* may be set: matr_next_row() then ends */
};

/* statement: with its parameters bound, read to its end or reset by matr_next_row(); NULL: it failed already. */
struct matr_rows matr_rows(struct matr_store *store, sqlite3_stmt *statement, size_t element);

/* The next row's element, all zero, or NULL. Pointers to elements are void with the next. */
void *matr_next_row(struct matr_rows *rows, struct matr_error *err);

/* A text column of the row, as matr_column_text() has it. */
void matr_row_text(struct matr_rows *rows, int column, char **out, struct matr_error *err);

/* ---- store_query.c ---- */

/* The rows, path and reason, of a statement whose parameter is the epoch (NULL: an error). */
int matr_store_list_declined(struct matr_store *store, sqlite3_stmt *statement, int64_t epoch,
			     struct matr_store_declined **out, size_t *n, struct matr_error *err);

/* ---- store_prune.c ---- */

/* matr_store_prune() within a transaction. n_removed may be NULL. */
int matr_store_remove_epochs(struct matr_store *store, size_t keep, int64_t needed,
			     size_t *n_removed, struct matr_error *err);

/* Give free pages back to the file system: a convenience, after the commit. */
int matr_store_give_back(struct matr_store *store);

/* ---- store_schema.c ---- */

/* Bring an open database to MATR_STORE_VERSION (writable), or check that it is there. */
int matr_store_migrate(struct matr_store *store, bool writable, struct matr_error *err);

/* ---- store_blob.c ---- */

/* Contents on their way into the store. Hashing and compressing need nothing of the store that changes, and may
 * be done in any thread. */
struct matr_blob {
	struct matr_columns contents;
	uint8_t hash[MATR_HASH_SIZE];
	void *data; /* compressed; NULL: not yet */
	size_t size;
};

int matr_blob_hash(struct matr_blob *blob, struct matr_error *err);
int matr_blob_compress(const struct matr_store *store, struct matr_blob *blob,
		       struct matr_error *err);
void matr_blob_free(struct matr_blob *blob);

/* The id of the blob with these contents, whose hash is known. It is written unless it is there, and compressed
 * for that unless it is. */
int matr_blob_put(struct matr_store *store, struct matr_blob *blob, int64_t *id,
		  struct matr_error *err);

/* A blob's contents, malloc'ed. */
int matr_blob_get(struct matr_store *store, int64_t id, uint8_t **out, size_t *size,
		  struct matr_error *err);

/* ---- store_object.c ---- */

/* An object's parts, encoded and compressed. May be made in any thread. */
struct matr_encoded_object {
	struct matr_blob parts[MATR_N_PARTS];
	uint8_t hash[MATR_HASH_SIZE];
};

int matr_encode_object(const struct matr_store *store, const struct matr_object *object,
		       struct matr_encoded_object *out, struct matr_error *err);
void matr_encoded_object_free(struct matr_encoded_object *encoded);

/* What objects.hash says of an object: equal where the store would hold the same of two objects in all columns and blobs. */
int matr_object_hash(const struct matr_object *object, uint8_t hash[MATR_HASH_SIZE],
		     struct matr_error *err);

/* Write the object unless it is there, and remember its id. */
int matr_store_put_encoded(struct matr_store *store, const struct matr_object *object,
			   struct matr_encoded_object *encoded, int64_t *id,
			   struct matr_error *err);

/* Get the row id of an object that was written, or that came from the store. Returns false if it is neither. */
bool matr_store_object_id(const struct matr_store *store, const struct matr_object *object,
			  int64_t *id);

/* Both, unless it is known already. */
int matr_store_put_object(struct matr_store *store, const struct matr_object *object, int64_t *id,
			  struct matr_error *err);

/* The object, read at most once. It belongs to the store. */
struct matr_object *matr_store_get_object(struct matr_store *store, int64_t id,
					  struct matr_error *err);

/* The same with its headers only; store_epoch.h has what completes it. */
struct matr_object *matr_store_get_light_object(struct matr_store *store, int64_t id,
						struct matr_error *err);

void matr_store_free_objects(struct matr_store *store);

/* ---- store_mapping.c ---- */

/* A mapping on its way into the store: the ids of its objects, which are there, and how they bind. */
struct matr_encoded_mapping {
	int64_t *ids;
	struct matr_encoded_vector *vectors; /* parallel to the scope; all zero: no bindings */
	size_t n;
};

/* May be called in any thread while nothing is written. */
int matr_encode_mapping(const struct matr_store *store, const struct matr_mapping *mapping,
			struct matr_encoded_mapping *out, struct matr_error *err);
void matr_encoded_mapping_free(struct matr_encoded_mapping *encoded);

int matr_store_add_encoded(struct matr_store *store, int64_t epoch,
			   const struct matr_mapping *mapping, struct matr_encoded_mapping *encoded,
			   int64_t *application, struct matr_error *err);

/* An application that an earlier epoch has, unchanged, belongs to this one too. */
int matr_store_carry(struct matr_store *store, int64_t epoch, int64_t application,
		     struct matr_error *err);

/* Where the name stands in the list of the object that needs it; -1: nowhere. */
int64_t matr_needed_position(const struct matr_object *object, const char *name);

/* Are the application's directories these? 1, 0, -1. */
int matr_store_same_directories(struct matr_store *store, int64_t application,
				const struct matr_directory *directories, size_t n,
				struct matr_error *err);

/* The directories of an application as its newest epoch found them. *out: free each path, then the list. */
int matr_store_application_directories(struct matr_store *store, int64_t application,
				       struct matr_directory **out, size_t *n,
				       struct matr_error *err);

/* A directory as the epoch found it. */
int matr_store_directory(struct matr_store *store, int64_t epoch,
			 const struct matr_directory *directory, int64_t *id,
			 struct matr_error *err);

/* ---- store_binding.c ---- */

/* How an object binds, encoded. May be made in any thread. ids: row ids of the scope's objects. */
struct matr_encoded_vector {
	struct matr_blob bindings;
	uint32_t *providers; /* scope indices */
	size_t n_providers;
	uint8_t hash[MATR_HASH_SIZE];
};

int matr_encode_vector(const struct matr_mapping *mapping, size_t requester, const int64_t *ids,
		       struct matr_encoded_vector *out, struct matr_error *err);
void matr_encoded_vector_free(struct matr_encoded_vector *vector);

/* Write it unless it is there. */
int matr_store_put_vector(struct matr_store *store, struct matr_encoded_vector *vector,
			  size_t requester, const int64_t *ids, int64_t *id,
			  struct matr_error *err);
int matr_store_get_bindings(struct matr_store *store, struct matr_mapping *mapping,
			    size_t requester, const int64_t *ids, int64_t vector,
			    struct matr_error *err);

/* ---- store_mapping.c ---- */

struct matr_scope_row { /* what a scope entry's row says beyond what goes into the mapping at once */
	int64_t object, needed, vector;
};

/* Write a scope entry with the statement `sql`: owner, position, location, rule, loaded_by, needed, vector. */
int matr_store_put_entry(struct matr_store *store, const char *sql, int64_t owner,
			 const struct matr_mapping *mapping, size_t position,
			 struct matr_encoded_mapping *encoded, struct matr_error *err);

/* Read the owner's entries, objects and (where wanted) bindings from scope index `first` on, with the statement `sql`: object,
 * path, rule, loaded_by, needed, vector, position. What is before is in the mapping and in rows. */
int matr_store_get_entries(struct matr_store *store, const char *sql, int64_t owner, size_t first,
			   struct matr_mapping *mapping, struct matr_scope_row *rows,
			   bool with_bindings, struct matr_error *err);

/* matr_store_mapping() and its rows, both for the caller to free. */
int matr_store_get_mapping(struct matr_store *store, int64_t application, bool with_bindings,
			   struct matr_mapping **out, struct matr_scope_row **rows,
			   struct matr_error *err);

#endif
