/* model.h - what two machines are compared by: an epoch from an export or the store, in memory,
 * with the hashes of bindings in the place of bindings.
 */
#ifndef MATR_TOOLS_EXPORT_MODEL_H
#define MATR_TOOLS_EXPORT_MODEL_H

#include <matr/error.h>
#include <matr/export.h>

#include "common/text.h"
#include "matr/export/schema.h"

struct model_object {
	int64_t id;
	char *path, *build_id, *package, *version; /* NULL: none */
	char hash[MATR_EXPORT_HASH];		   /* "": it binds nothing */
};

struct model_program {
	int64_t id;
	char *path;
	char *reason; /* why it is declined; NULL: it is mapped */
	/* The entries of its scope, each as three strings with their NUL: load, the object's path,
	 * and rule. */
	struct text scope;
};

struct model {
	char *host;
	int64_t epoch;
	struct model_object *objects; /* by id until model_read() has ended, then by path */
	size_t n_objects;
	struct model_program *programs; /* the same */
	size_t n_programs, n_declined;
};

/* Read an epoch. It has to be a whole one, with all tables.
 * *out: model_free(), also after an error.
 * Errors: those of the source, STATE (the export has only a part). */
int model_read(const struct export_source *source, struct model *out, struct matr_error *err);
void model_free(struct model *model);

struct model_binding {
	char *requester, *symbol, *version, *provider; /* paths */
};

struct model_bindings {
	struct model_binding *list; /* sorted by requester, symbol, version, provider */
	size_t n;
};

/* Read the bindings of some objects, whose ids are sorted.
 * *out: model_bindings_free(), also after an error. */
int model_read_bindings(const struct export_source *source, const struct model *model,
			const int64_t *ids, size_t n, struct model_bindings *out,
			struct matr_error *err);
void model_bindings_free(struct model_bindings *bindings);

#endif
