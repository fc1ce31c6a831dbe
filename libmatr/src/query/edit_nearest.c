/* edit_nearest.c - what an edit names and is not there: the names that come near.
 *
 * An edit names a requester, a symbol, a library and a definition in that. Once it has failed, each
 * is looked for on its own, in the scope of the program or, where a pattern stands for many, in
 * everything that the newest epoch loads. The first that is nowhere is what was mistyped.
 */
#include <matr/edit.h>
#include <matr/names.h>
#include <matr/nearest.h>
#include <matr/resolve.h>

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path.h"
#include "mapping/edit.h"
#include "resolve/resolution.h"
#include "resolve/session.h"
#include "store/usage.h"

struct world { /* what there is */
	struct matr_session *session;
	struct matr_mapping *mapping; /* NULL: not of one program */
	struct matr_scope_entry *entries;
	size_t n, room;
};

static int add_entry(struct world *world, struct matr_object *object, char *path,
		     struct matr_error *err)
{
	if (array_reserve(&world->entries, &world->room, world->n + 1, sizeof *world->entries,
			  err) != 0)
		return -1;
	world->entries[world->n++] = (struct matr_scope_entry){.object = object, .path = path};
	return 0;
}

static int of_program(struct world *world, const char *program, struct matr_error *err)
{
	if (matr_resolve(world->session, program, &world->mapping, err) != 0)
		return -1;
	for (size_t i = 0; i < world->mapping->n_scope; i++) {
		struct matr_scope_entry *entry = &world->mapping->scope[i];
		if (add_entry(world, entry->object, entry->path, err) != 0)
			return -1;
	}
	return 0;
}

static int of_epoch(struct world *world, struct matr_store *store, struct matr_error *err)
{
	struct matr_error why;
	char **paths;
	size_t n;
	int result = 0;

	if (store_started_objects(store, &paths, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		/* Files that are gone meanwhile are no suggestion. */
		struct matr_object *object = session_open_object(world->session, paths[i], &why);
		if (object)
			result = add_entry(world, object, (char *)object->path, err);
	}
	store_paths_free(paths, n);
	return result;
}

static void offer_objects(const struct world *world, struct matr_nearest *nearest)
{
	for (size_t i = 0; i < world->n; i++) {
		const struct matr_object *object = world->entries[i].object;
		const char *shown = object->soname ? object->soname : path_name(object->path);
		matr_nearest_offer(nearest, shown, NULL);
		matr_nearest_offer(nearest, path_name(object->path), shown);
	}
}

/* Each of these: false if it is there, and else true and what is near. */

static bool no_requester(const struct world *world, const struct matr_edit *edit,
			 struct matr_nearest *nearest)
{
	for (size_t i = 0; i < world->n; i++)
		if (edit_requests(edit, world->entries[i].object, world->entries[i].path))
			return false;
	nearest->wanted = edit->requester;
	offer_objects(world, nearest);
	return true;
}

static bool no_symbol(const struct world *world, const struct matr_edit *edit,
		      struct matr_nearest *nearest)
{
	nearest->wanted = edit->symbol;
	for (size_t i = 0; i < world->n; i++) {
		const struct matr_object *object = world->entries[i].object;
		for (size_t k = 1; k < object->n_symbols; k++) {
			if (strcmp(object->symbols[k].name, edit->symbol) == 0)
				return false;
			if (matr_symbol_is_looked_up(&object->symbols[k]))
				matr_nearest_offer(nearest, object->symbols[k].name, NULL);
		}
	}
	return true;
}

/* Test whether the program's search finds the library, for example by a run path. */
static bool can_be_found(const struct world *world, const struct matr_edit *edit)
{
	const char *library = edit->library;
	const struct scope_options options = {.additions = &library, .n_additions = 1};
	struct resolution resolution;
	struct matr_error why;

	int result = resolution_make(world->session, edit->program, &options, &resolution, &why);
	resolution_free(&resolution);
	return result == 0;
}

/* *object: the library, where it is there. */
static bool no_library(const struct world *world, const struct matr_edit *edit,
		       const struct matr_object **object, struct matr_nearest *nearest)
{
	static const char *const no_levels[] = {NULL};
	const struct ld_so_cache *cache = session_cache(world->session);
	bool by_level = false;
	const char *path = strchr(edit->library, '/') ? edit->library : NULL;
	struct matr_error why;

	*object = NULL;
	for (size_t i = 0; !path && i < world->n; i++)
		if (matr_object_is_called(world->entries[i].object, world->entries[i].path,
					  edit->library))
			path = world->entries[i].object->path;
	if (!path)
		path = ld_so_cache_find(cache, edit->library, no_levels, &by_level);
	if (path) {
		*object = session_open_object(world->session, path, &why);
		return false;
	}
	if (world->mapping && can_be_found(world, edit))
		return false;
	nearest->wanted = edit->library;
	offer_objects(world, nearest);
	for (size_t i = 0; i < cache->n_entries; i++)
		matr_nearest_offer(nearest, path_name(cache->entries[i].path), NULL);
	return true;
}

static bool no_definition(const struct matr_object *library, const char *name,
			  struct matr_nearest *nearest)
{
	nearest->wanted = name;
	for (size_t i = 1; i < library->n_symbols; i++) {
		const struct matr_symbol *symbol = &library->symbols[i];
		if (!edit_can_lead_to(symbol))
			continue;
		if (strcmp(symbol->name, name) == 0)
			return false;
		matr_nearest_offer(nearest, symbol->name, NULL);
	}
	return true;
}

static void look(const struct world *world, const struct matr_edit *edit, struct matr_error *err)
{
	struct matr_nearest nearest = {.wanted = ""};
	const struct matr_object *library;
	char *name = strdup(edit->to_symbol ? edit->to_symbol : edit->symbol);

	if (!name)
		return;
	name[strcspn(name, "@")] = 0;
	bool missing = no_requester(world, edit, &nearest);
	if (!missing) {
		matr_nearest_free(&nearest);
		missing = no_symbol(world, edit, &nearest);
	}
	if (!missing) {
		matr_nearest_free(&nearest);
		missing = no_library(world, edit, &library, &nearest);
	}
	if (!missing && library) {
		matr_nearest_free(&nearest);
		missing = no_definition(library, name, &nearest);
	}
	if (missing)
		matr_nearest_add(&nearest, err);
	matr_nearest_free(&nearest);
	free(name);
}

void matr_edit_add_nearest(struct matr_store *store, const struct matr_edit *edit,
			   struct matr_error *err)
{
	struct world world = {.n = 0};
	struct matr_error why;

	if (matr_session_open(NULL, &world.session, &why) != 0)
		return;
	bool one = matr_edit_names(edit) && edit->program[0] == '/';
	int result = one     ? of_program(&world, edit->program, &why)
		     : store ? of_epoch(&world, store, &why)
			     : -1;
	if (result == 0)
		look(&world, edit, err);
	free(world.entries);
	matr_mapping_free(world.mapping);
	matr_session_close(world.session);
}
