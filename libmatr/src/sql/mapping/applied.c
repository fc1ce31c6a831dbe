/* applied.c - the image compiler's plan for one application or closure, made from the cache's
 * objects and vectors. */
#include "sql/mapping/applied.h"

#include <stdlib.h>
#include <string.h>

#include <matr/mapping.h>
#include <matr/recording.h>

#include "base/array.h"

struct scope { /* an application's scope, maybe with a closure behind it, while a plan is made */
	size_t n, n_start;
	uint32_t interpreter;
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
		if (scope->entries)
			free(scope->entries[i].path);
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

/* Inputs of a closure's terms: the entry's path and the needed names. */
static int name_entry(struct mapping_store *store, sqlite3_stmt *row, struct scope *scope,
		      size_t at, struct matr_error *err)
{
	struct matr_scope_entry *entry = &scope->entries[at];
	const char *path = (const char *)sqlite3_column_text(row, 5);
	size_t loaded_by = (size_t)sqlite3_column_int64(row, 6);

	entry->object = &scope->objects[at]->object;
	entry->path = strdup(path ? path : "");
	if (!entry->path)
		return matr_fail_memory(err);
	if (mapping_object_needed(store, scope->objects[at], err) != 0)
		return -1;
	if (sqlite3_column_type(row, 7) == SQLITE_NULL || loaded_by >= at)
		return 0;
	size_t needed = (size_t)sqlite3_column_int64(row, 7);
	const struct matr_object *loader = scope->entries[loaded_by].object;
	if (needed >= loader->n_needed)
		return matr_fail(err, MATR_ERROR_MALFORMED, store->path, "damaged store: scope");
	entry->needed_as = loader->needed[needed];
	entry->loaded_by = (uint32_t)loaded_by;
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
						   (1U << CODEC_N_PARTS) - 1, err);
		if (!scope->objects[i])
			return -1;
		if (name_entry(store, rows, scope, i, err) != 0)
			return -1;
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

/* The scope of the application, and behind it what the closure (0: none) brings in. In a
 * closure only that has bindings. */
static int read_scope(struct mapping_store *store, int64_t application, int64_t closure,
		      struct scope *scope, struct matr_error *err)
{
	static const char sql[] =
		"SELECT l.object_id, CASE WHEN ?2 THEN NULL ELSE s.vector_id END, s.position,"
		" s.rule = (SELECT id FROM rules WHERE name = 'interpreter'), 0,"
		" l.path, s.loaded_by, s.needed"
		" FROM scope_entries s JOIN locations l ON l.id = s.location_id"
		" WHERE s.application_id = ?1 UNION ALL"
		" SELECT l.object_id, c.vector_id, c.position,"
		" c.rule = (SELECT id FROM rules WHERE name = 'interpreter'), 1,"
		" l.path, c.loaded_by, c.needed"
		" FROM closure_entries c JOIN locations l ON l.id = c.location_id"
		" WHERE c.closure_id = ?2 ORDER BY 3";
	sqlite3_stmt *rows = mapping_prepare(store, sql, err);
	int more, result = -1;

	if (!rows)
		return -1;
	sqlite3_bind_int64(rows, 1, application);
	sqlite3_bind_int64(rows, 2, closure);
	while ((more = mapping_step(store, rows, err)) > 0) {
		if (sqlite3_column_int(rows, 3))
			scope->interpreter = (uint32_t)scope->n;
		scope->n_start += !sqlite3_column_int(rows, 4);
		scope->n++;
	}
	scope->objects = calloc(scope->n + 1, sizeof(struct mapping_object *));
	scope->vectors = calloc(scope->n + 1, sizeof(struct mapping_vector *));
	scope->entries = calloc(scope->n + 1, sizeof *scope->entries);
	scope->mapped = calloc(scope->n + 1, sizeof *scope->mapped);
	sqlite3_reset(rows);
	if (!scope->objects || !scope->vectors || !scope->entries || !scope->mapped)
		matr_fail_memory(err);
	else if (more == 0)
		result = read_entries(store, rows, scope, err);
	sqlite3_finalize(rows);
	return result;
}

static struct matr_mapping mapping_of(const struct scope *scope)
{
	return (struct matr_mapping){
		.scope = scope->entries,
		.objects = scope->mapped,
		.n_scope = scope->n,
		.interpreter = scope->interpreter,
	};
}

static int read_application(struct mapping_applied *applied, struct mapping_store *store,
			    int64_t application, struct matr_error *err)
{
	struct scope scope = {.interpreter = UINT32_MAX};
	int result = read_scope(store, application, 0, &scope, err);

	if (result == 0) {
		struct matr_mapping mapping = mapping_of(&scope);
		result = matr_applied(&mapping, &applied->applied, err);
	}
	free_scope(store, &scope);
	return result;
}

/* All closures of an application: what one may rely on depends on what the others may have
 * loaded. */
struct closures {
	struct scope *scopes;
	struct matr_mapping *mappings;
	struct matr_closure *list;
	size_t n;
};

static int add_closure(struct closures *closures, const char *flags, struct matr_error *err)
{
	if (array_grow(&closures->scopes, closures->n, sizeof *closures->scopes, err) != 0 ||
	    array_grow(&closures->list, closures->n, sizeof *closures->list, err) != 0)
		return -1;
	closures->list[closures->n] =
		(struct matr_closure){.now = matr_loads_now(flags ? flags : "-")};
	closures->scopes[closures->n++] = (struct scope){.interpreter = UINT32_MAX};
	return 0;
}

static int read_closures(struct mapping_store *store, int64_t application, int64_t closure,
			 struct closures *closures, size_t *which, struct matr_error *err)
{
	sqlite3_stmt *rows = mapping_prepare(
		store,
		"SELECT id, flags FROM closures k WHERE application_id = ?1 AND EXISTS"
		" (SELECT 1 FROM closure_entries WHERE closure_id = k.id) ORDER BY position",
		err);
	int more;

	if (!rows)
		return -1;
	sqlite3_bind_int64(rows, 1, application);
	while ((more = mapping_step(store, rows, err)) > 0) {
		int64_t id = sqlite3_column_int64(rows, 0);
		if (id == closure)
			*which = closures->n;
		if (add_closure(closures, (const char *)sqlite3_column_text(rows, 1), err) < 0 ||
		    read_scope(store, application, id, &closures->scopes[closures->n - 1], err) <
			    0) {
			more = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return more;
}

static int read_closure(struct mapping_applied *applied, struct mapping_store *store,
			int64_t application, int64_t closure, struct matr_error *err)
{
	struct closures closures = {0};
	size_t which = 0;
	int result = read_closures(store, application, closure, &closures, &which, err);

	if (result == 0) {
		closures.mappings = calloc(closures.n + 1, sizeof *closures.mappings);
		result = closures.mappings ? 0 : matr_fail_memory(err);
	}
	for (size_t i = 0; i < closures.n && result == 0; i++) {
		closures.mappings[i] = mapping_of(&closures.scopes[i]);
		closures.list[i].mapping = &closures.mappings[i];
		closures.list[i].n_start = (uint32_t)closures.scopes[i].n_start;
	}
	if (result == 0)
		result = matr_applied_closure(closures.list, closures.n, which, &applied->applied,
					      err);
	for (size_t i = 0; i < closures.n; i++)
		free_scope(store, &closures.scopes[i]);
	free(closures.scopes);
	free(closures.mappings);
	free(closures.list);
	return result;
}

int mapping_applied_read(struct mapping_applied *applied, struct mapping_store *store,
			 int64_t application, int64_t closure, struct matr_error *err)
{
	if (applied->applied && applied->application == application && applied->closure == closure)
		return 0;
	mapping_applied_clear(applied);
	applied->application = application;
	applied->closure = closure;
	return closure ? read_closure(applied, store, application, closure, err)
		       : read_application(applied, store, application, err);
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
