/* mapping_applied.c - the image compiler's plan for one application, made from the cache's objects and
 * vectors; see mapping_applied.h. */
#include "mapping_applied.h"

#include <stdlib.h>
#include <string.h>

struct scope { /* an application's scope while its plan is made */
	size_t n;
	struct mapping_object **objects;
	struct mapping_vector **vectors;
	struct matr_scope_entry *entries;
	struct matr_mapped_object *mapped;
};

static void free_scope(struct mapping_store *store, struct scope *scope)
{
	for (size_t i = 0; i < scope->n; i++) {
		if (scope->objects)
			mapping_unpin(store, scope->objects[i]);
		if (scope->vectors)
			mapping_unpin(store, scope->vectors[i]);
		if (scope->mapped)
			free(scope->mapped[i].bindings);
	}
	free(scope->objects);
	free(scope->vectors);
	free(scope->entries);
	free(scope->mapped);
}

/* The vector's bindings with the application's scope indices as providers. */
static int place_bindings(struct mapping_store *store, struct scope *scope, size_t at,
			  struct matr_error *err)
{
	const struct mapping_vector *vector = scope->vectors[at];
	size_t n = scope->objects[at]->object.n_relocations;
	uint32_t *places = calloc(vector->n_providers + 1, sizeof *places);
	struct matr_binding *bindings = calloc(n + 1, sizeof *bindings);

	scope->mapped[at].bindings = bindings;
	if (!places || !bindings) {
		free(places);
		return matr_fail_memory(err);
	}
	places[0] = (uint32_t)at;
	for (size_t i = 0; i < vector->n_providers; i++) {
		size_t place = 0;
		while (place < scope->n && scope->objects[place]->id != vector->providers[i])
			place++;
		if (place == scope->n) {
			free(places);
			return matr_fail(err, MATR_ERROR_MALFORMED, store->path,
					 "damaged store: provider outside the scope");
		}
		places[i + 1] = (uint32_t)place;
	}
	for (size_t i = 0; i < n; i++) {
		bindings[i] = vector->bindings[i];
		if (bindings[i].provider < MATR_PROVIDER_UNDEFINED)
			bindings[i].provider = places[bindings[i].provider];
	}
	free(places);
	return 0;
}

static int read_entries(struct mapping_store *store, sqlite3_stmt *rows, struct scope *scope,
			struct matr_error *err)
{
	for (size_t i = 0; i < scope->n; i++) {
		int more = mapping_step(store, rows, err);
		if (more <= 0)
			return more < 0 ? -1
					: matr_fail(err, MATR_ERROR_MALFORMED, store->path,
						    "damaged store: scope");
		scope->objects[i] = mapping_object(store, sqlite3_column_int64(rows, 0),
						   (1U << MATR_N_PARTS) - 1, err);
		if (!scope->objects[i])
			return -1;
		scope->entries[i].object = &scope->objects[i]->object;
		if (sqlite3_column_type(rows, 1) == SQLITE_NULL)
			continue;
		scope->vectors[i] = mapping_vector(store, scope->objects[i],
						   sqlite3_column_int64(rows, 1), err);
		if (!scope->vectors[i])
			return -1;
	}
	for (size_t i = 0; i < scope->n; i++)
		if (scope->vectors[i] && place_bindings(store, scope, i, err) != 0)
			return -1;
	return 0;
}

static int read_scope(struct mapping_store *store, int64_t application, struct scope *scope,
		      uint32_t *interpreter, struct matr_error *err)
{
	sqlite3_stmt *rows = mapping_prepare(
		store,
		"SELECT l.object_id, s.vector_id, a.interpreter,"
		" (SELECT count(*) FROM scope_entries WHERE application_id = ?1)"
		" FROM application_records a JOIN scope_entries s ON s.application_id = a.id"
		" JOIN locations l ON l.id = s.location_id WHERE a.id = ?1 ORDER BY s.position",
		err);
	int result = -1;

	if (!rows)
		return -1;
	sqlite3_bind_int64(rows, 1, application);
	int more = mapping_step(store, rows, err);
	if (more > 0) {
		*interpreter = (uint32_t)sqlite3_column_int64(rows, 2);
		scope->n = (size_t)sqlite3_column_int64(rows, 3);
		scope->objects = calloc(scope->n, sizeof(struct mapping_object *));
		scope->vectors = calloc(scope->n, sizeof(struct mapping_vector *));
		scope->entries = calloc(scope->n, sizeof *scope->entries);
		scope->mapped = calloc(scope->n, sizeof *scope->mapped);
		sqlite3_reset(rows);
		if (!scope->objects || !scope->vectors || !scope->entries || !scope->mapped)
			matr_fail_memory(err);
		else
			result = read_entries(store, rows, scope, err);
	} else if (more == 0) {
		matr_fail(err, MATR_ERROR_MALFORMED, store->path, "damaged store: scope");
	}
	sqlite3_finalize(rows);
	return result;
}

int mapping_applied_read(struct mapping_applied *applied, struct mapping_store *store,
			 int64_t application, struct matr_error *err)
{
	struct scope scope = {0};
	uint32_t interpreter = 0;

	if (applied->applied && applied->application == application)
		return 0;
	mapping_applied_clear(applied);
	int result = read_scope(store, application, &scope, &interpreter, err);
	if (result == 0) {
		struct matr_mapping mapping = {.scope = scope.entries,
					       .objects = scope.mapped,
					       .n_scope = scope.n,
					       .interpreter = interpreter};
		result = matr_applied(&mapping, &applied->applied, err);
		applied->application = application;
	}
	free_scope(store, &scope);
	return result;
}

void mapping_applied_clear(struct mapping_applied *applied)
{
	matr_applied_free(applied->applied);
	applied->applied = NULL;
}

const char *mapping_applied_how(const struct mapping_applied *applied, size_t position,
				size_t index)
{
	if (position >= applied->applied->n_objects)
		return NULL;
	const struct matr_applied_object *object = &applied->applied->objects[position];
	if (index == MAPPING_APPLIED_RELATIVE)
		return matr_applied_name(object->untouched ? MATR_APPLIED_RESIDUAL
							   : MATR_APPLIED_WORD);
	return matr_applied_name((enum matr_applied)object->relocations[index]);
}
