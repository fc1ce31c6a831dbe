/* usage.h - which files, objects and binding vectors the applications of an epoch use. */
#ifndef MATR_STORE_USAGE_H
#define MATR_STORE_USAGE_H

#include <matr/mapping.h>
#include <matr/store.h>

#include "base/map.h"

/* ---- applications: sorted ids, each once; *out: free() ---- */

/* List the applications that have the file in their scope or in a closure, by the name under which
 * it was found or by its own. */
int store_users_of(struct matr_store *store, int64_t epoch, const char *path, int64_t **out,
		   size_t *n, struct matr_error *err);

/* List the applications that have a file of that name, in whatever directory, in their scope or in
 * a closure; all applications if name is NULL. */
int store_users_of_name(struct matr_store *store, int64_t epoch, const char *name, int64_t **out,
			size_t *n, struct matr_error *err);

/* ---- files ---- */

struct store_location { /* a file under a name by which it was found */
	char *path;
	struct matr_file_id id;
	bool interpreter; /* it was found as a PT_INTERP */
};

/* List the files of all scopes and closures of the epoch. *out: store_locations_free(). */
int store_locations(struct matr_store *store, int64_t epoch, struct store_location **out, size_t *n,
		    struct matr_error *err);
void store_locations_free(struct store_location *locations, size_t n);

/* List the paths of all objects that the newest epoch's applications are started with, sorted.
 * *out: store_paths_free(). */
int store_started_objects(struct matr_store *store, char ***out, size_t *n, struct matr_error *err);
void store_paths_free(char **paths, size_t n);

/* ---- objects and vectors ---- */

struct store_library { /* valid during the call */
	int64_t object;
	const char *path, *soname; /* soname NULL: none */
	const char *found_as;
};

/* Call `visit` for each object of the epoch's scopes and closures that is not an application
 * itself, once for each name under which it was found, in no particular order. A visit other than 0
 * ends that and is returned. */
int store_each_library(struct matr_store *store, int64_t epoch,
		       int (*visit)(const struct store_library *library, void *context,
				    struct matr_error *err),
		       void *context, struct matr_error *err);

/* List the objects of the epoch's scopes and closures, sorted. *out: free(). */
int store_object_ids(struct matr_store *store, int64_t epoch, int64_t **out, size_t *n,
		     struct matr_error *err);

struct store_vector {
	int64_t id, object;
	int64_t blob; /* codec/bindings.h */
};

/* List the vectors of the epoch's scopes and closures, those of an object after each other. *out:
 * free(). */
int store_vectors(struct matr_store *store, int64_t epoch, struct store_vector **out, size_t *n,
		  struct matr_error *err);

/* Add to `vectors` every vector of the store that has one of `objects` among its providers. Both
 * are sets of ids. */
int store_vectors_bound_to(struct matr_store *store, const struct map *objects, struct map *vectors,
			   struct matr_error *err);

/* An object in an application's scope or in a closure; valid during the call. */
struct store_entry {
	const char *application;
	const char *path; /* the object's; of the application itself: as it was recorded */
	int64_t object;
	int64_t vector;	  /* 0: it binds nothing */
	const char *root; /* the closure's; NULL: it is in the scope of the start */
};

/* Call `visit` for each entry of the epoch: by application's path, the scope of the start first,
 * then the closures by root. A visit other than 0 ends that and is returned. */
int store_each_entry(struct matr_store *store, int64_t epoch,
		     int (*visit)(const struct store_entry *entry, void *context,
				  struct matr_error *err),
		     void *context, struct matr_error *err);

#endif
