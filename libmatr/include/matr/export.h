/* export.h - the rows of an epoch, one after the other, for programs that write them elsewhere.
 *
 * Objects and applications are named by their ids in the store: an id stands for the same object
 * and application in every epoch of one store. Memory does not grow with the number of rows: a
 * row's strings are valid during the call of `visit` only. A visit other than 0 ends the listing
 * and is returned.
 *
 * Errors of all functions: those of matr/store.h.
 */
#ifndef MATR_EXPORT_H
#define MATR_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_store;

/* An object of the epoch's scopes and closures. */
struct matr_export_object {
	int64_t id;
	const char *path, *build_id, *soname; /* build_id "": none; soname NULL: none */
	uint64_t size;			      /* bytes */
};

/* List the epoch's objects, by id. */
MATR_API int matr_export_objects(struct matr_store *store, int64_t epoch,
				 int (*visit)(const struct matr_export_object *object,
					      void *context, struct matr_error *err),
				 void *context, struct matr_error *err);

struct matr_export_application {
	int64_t id, object;
	const char *path;
	const char *library_path; /* the LD_LIBRARY_PATH that it is for; NULL: none */
	bool edited;
};

/* List the epoch's applications, by id. */
MATR_API int matr_export_applications(struct matr_store *store, int64_t epoch,
				      int (*visit)(const struct matr_export_application *row,
						   void *context, struct matr_error *err),
				      void *context, struct matr_error *err);

/* An object in the scope of an application, or in one of its closures. */
struct matr_export_entry {
	int64_t application, position, object;
	const char *load;  /* the root of the closure; NULL: it is there at the start */
	const char *rule;  /* matr_search_rule_name() */
	int64_t loaded_by; /* position of the object that needs it; -1: none does */
};

/* List the entries of all scopes: by application; of each the start first, then its closures by
 * root, in scope order. */
MATR_API int matr_export_scopes(struct matr_store *store, int64_t epoch,
				int (*visit)(const struct matr_export_entry *entry, void *context,
					     struct matr_error *err),
				void *context, struct matr_error *err);

/* Providers that are no object. */
enum { MATR_EXPORT_NULL = 0, MATR_EXPORT_UNDEFINED = -1 };

/* A binding that an object has in at least one application. */
struct matr_export_binding {
	const char *symbol, *version; /* version "": the reference asks for none */
	int64_t provider;	      /* an object's id, or MATR_EXPORT_* */
	const char *provider_path;    /* of these "null" and "undefined" */
};

/* All different bindings of an object in the epoch, sorted by symbol, version and provider_path. */
struct matr_export_bindings {
	int64_t requester;
	const char *path; /* the requester's */
	const struct matr_export_binding *list;
	size_t n;
};

/* Choose objects: the result of `wanted`, 1 or 0; -1 ends the listing. */
typedef int matr_export_wanted(int64_t object, void *context, struct matr_error *err);

/* List the bindings of the epoch's objects, by requester. Objects that bind nothing are left out.
 * wanted: which objects, NULL for all. */
MATR_API int matr_export_bindings(struct matr_store *store, int64_t epoch,
				  matr_export_wanted *wanted,
				  int (*visit)(const struct matr_export_bindings *bindings,
					       void *context, struct matr_error *err),
				  void *context, struct matr_error *err);

/* ---- changes between epochs ---- */

enum matr_export_change {
	MATR_EXPORT_APPLICATION,    /* changed or new: its scope is another */
	MATR_EXPORT_OBJECT,	    /* changed or new, or it binds otherwise */
	MATR_EXPORT_NO_APPLICATION, /* gone */
	MATR_EXPORT_NO_OBJECT,
};

/* List what is different in `epoch` than in the earlier epoch `since`, by kind and id. */
MATR_API int matr_export_changes(struct matr_store *store, int64_t since, int64_t epoch,
				 int (*visit)(enum matr_export_change change, int64_t id,
					      void *context, struct matr_error *err),
				 void *context, struct matr_error *err);

/* ---- content ---- */

enum { MATR_EXPORT_HASH = 41 }; /* bytes of a hash as text, with the NUL */

/* Get the content hash of some bytes (BLAKE2b, 160 bits) as hexadecimal digits. */
MATR_API void matr_export_hash(const void *bytes, size_t size, char out[MATR_EXPORT_HASH]);

#ifdef __cplusplus
}
#endif

#endif
