/* mapping.h - applications in the store. */
#ifndef MATR_STORE_MAPPING_H
#define MATR_STORE_MAPPING_H

#include <matr/mapping.h>
#include <matr/store.h>

struct store_encoded_vector;
struct store_scope_row;

/* A mapping on its way into the store: the ids of its objects, which are written, and how they
 * bind. */
struct store_encoded_mapping {
	int64_t *ids;
	struct store_encoded_vector *vectors; /* parallel to the scope; all zero: no bindings */
	size_t n;
};

/* Encode the mapping. May run in any thread while nothing is written. */
int store_encode_mapping(const struct matr_store *store, const struct matr_mapping *mapping,
			 struct store_encoded_mapping *out, struct matr_error *err);
void store_encoded_mapping_free(struct store_encoded_mapping *encoded);

int store_add_encoded(struct matr_store *store, int64_t epoch, const struct matr_mapping *mapping,
		      struct store_encoded_mapping *encoded, int64_t *application,
		      struct matr_error *err);

/* Add an application of an earlier epoch, unchanged, to this one. */
int store_carry(struct matr_store *store, int64_t epoch, int64_t application,
		struct matr_error *err);

/* Take an application out of the epoch again. */
int store_remove(struct matr_store *store, int64_t epoch, int64_t application,
		 struct matr_error *err);

/* ---- directories ---- */

/* Compare the application's directories with these. Returns 1 if equal, 0 if not, -1 on error. */
int store_same_directories(struct matr_store *store, int64_t application,
			   const struct matr_directory *directories, size_t n,
			   struct matr_error *err);

/* Record a directory as the epoch found it. */
int store_directory(struct matr_store *store, int64_t epoch, const struct matr_directory *directory,
		    int64_t *id, struct matr_error *err);

/* ---- one application, compared with what is there now ---- */

/* Get the path that the application is started by and the LD_LIBRARY_PATH that it is for (NULL:
 * none). Both: free(), also after an error. Returns 1 if found, 0 if not, -1 on error. */
int store_application_start(struct matr_store *store, int64_t application, char **path,
			    char **library_path, struct matr_error *err);

/* Get the identity of the application's own file. */
int store_application_file(struct matr_store *store, int64_t application, struct matr_file_id *out,
			   struct matr_error *err);

/* List the libraries that edits added to the application's scope, by path. *out: free each, then
 * the list. */
int store_additions(struct matr_store *store, int64_t application, char ***out, size_t *n,
		    struct matr_error *err);

/* Compare paths and objects' paths of the entries with the recorded scope: the application's own
 * or, unless `closure` is 0, that of one of its closures. Returns 1 if equal, 0 if not, -1 on
 * error. */
int store_same_scope(struct matr_store *store, int64_t application, int64_t closure,
		     const struct matr_scope_entry *entries, size_t n, struct matr_error *err);

/* Test whether the epoch has an application at the path, and the store would hold the same of the
 * object. The path is the recorded one, or that of the application's own file. The object's file
 * and the interpreter that it names do not count.
 * Returns 1 if so, 0 if not, -1 on error. */
int store_same_program(struct matr_store *store, int64_t epoch, const char *path,
		       const struct matr_object *object, struct matr_error *err);

/* ---- for closures ---- */

/* matr_store_mapping() and its rows, both for the caller to free. */
int store_get_mapping(struct matr_store *store, int64_t application, bool with_bindings,
		      struct matr_mapping **out, struct store_scope_row **rows,
		      struct matr_error *err);

#endif
