/* baseline.c - a program as a baseline has it, from the store, and what differs between two.
 *
 * Objects are known by name, not by path: the soname, as long as no earlier object of the scope has
 * it. So a library that is upgraded or found elsewhere is one line that differs, and not one per
 * binding.
 */
#include <matr/baseline.h>
#include <matr/mapping.h>
#include <matr/store.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"
#include "base/path.h"
#include "compare/baseline.h"

/* ---- order ---- */

/* By requester, symbol, version, kind of reference: what makes two bindings the same reference. */
static int compare_keys(const struct matr_baseline_binding *a,
			const struct matr_baseline_binding *b)
{
	int order = a->requester == b->requester ? 0 : strcmp(a->requester, b->requester);

	if (!order)
		order = a->symbol == b->symbol ? 0 : strcmp(a->symbol, b->symbol);
	if (!order)
		order = a->version == b->version ? 0 : strcmp(a->version, b->version);
	return order ? order : (int)a->copy - (int)b->copy;
}

int baseline_compare_bindings(const void *left, const void *right)
{
	const struct matr_baseline_binding *a = left, *b = right;
	int order = compare_keys(a, b);

	return order ? order : strcmp(a->provider, b->provider);
}

int baseline_compare_programs(const void *left, const void *right)
{
	const struct matr_baseline_program *a = left, *b = right;
	return strcmp(a->path, b->path);
}

int baseline_compare_blocks(const void *left, const void *right)
{
	const struct matr_baseline_block *a = left, *b = right;
	return strcmp(a->load ? a->load : "", b->load ? b->load : "");
}

/* ---- from the store ---- */

static const char *path_of(const struct matr_mapping *mapping, size_t i)
{
	return i == 0 ? mapping->scope[0].path : mapping->scope[i].object->path;
}

/* Give each object of the mapping a name of its own. *out: free(). */
static int name_objects(const struct matr_mapping *mapping, const char ***out,
			struct matr_error *err)
{
	const char **names = calloc(mapping->n_scope + 1, sizeof(char *));
	struct intern taken = {.entries = NULL};
	uint32_t id;

	int result = names ? 0 : matr_fail_memory(err);
	if (!result && (intern_add(&taken, MATR_BASELINE_NULL, &id, err) != 0 ||
			intern_add(&taken, MATR_BASELINE_UNDEFINED, &id, err) != 0))
		result = -1;
	for (size_t i = 0; i < mapping->n_scope && !result; i++) {
		const char *path = path_of(mapping, i), *soname = mapping->scope[i].object->soname;
		const char *name = i && soname ? soname : path_name(path);
		if (!*name || strchr(name, '/') || intern_find(&taken, name) != UINT32_MAX)
			name = path;
		if (intern_find(&taken, name) != UINT32_MAX)
			result = matr_fail(err, MATR_ERROR_MALFORMED, path,
					   "is in the scope of %s twice", mapping->scope[0].path);
		else
			result = intern_add(&taken, name, &id, err);
		names[i] = name;
	}
	intern_free(&taken);
	if (result) {
		free(names);
		return -1;
	}
	*out = names;
	return 0;
}

static const char *provider_of(const struct matr_mapping *mapping, const char *const *names,
			       uint32_t provider)
{
	if (provider < mapping->n_scope)
		return names[provider];
	return provider == MATR_PROVIDER_WEAK_NULL ? MATR_BASELINE_NULL : MATR_BASELINE_UNDEFINED;
}

static void add_bindings(const struct matr_mapping *mapping, const char *const *names,
			 size_t requester, struct matr_baseline_block *out)
{
	const struct matr_object *object = mapping->scope[requester].object;
	const struct matr_binding *bindings = mapping->objects[requester].bindings;

	for (size_t i = 0; bindings && i < object->n_relocations; i++) {
		const struct matr_symbol *symbol = &object->symbols[object->relocations[i].symbol];
		uint32_t provider = bindings[i].provider;
		if (provider == MATR_PROVIDER_NONE || provider == requester ||
		    !matr_symbol_is_looked_up(symbol))
			continue;
		const struct matr_version *version = matr_object_symbol_version(object, symbol);
		out->bindings[out->n_bindings++] = (struct matr_baseline_binding){
			.requester = names[requester],
			.symbol = symbol->name,
			.version = version && version->name ? version->name : "",
			.provider = provider_of(mapping, names, provider),
			.copy = object->relocations[i].type == R_X86_64_COPY,
		};
	}
}

/* The mapping's objects from `first` on, and how they bind. */
static int make_block(const struct matr_mapping *mapping, size_t first, const char *load,
		      struct matr_baseline_block *out, struct matr_error *err)
{
	const char **names;
	size_t room = 0, n = 0;

	*out = (struct matr_baseline_block){.load = load};
	for (size_t i = first; i < mapping->n_scope; i++)
		room += mapping->scope[i].object->n_relocations;
	if (name_objects(mapping, &names, err) != 0)
		return -1;
	out->objects = calloc(mapping->n_scope - first + 1, sizeof *out->objects);
	out->bindings = calloc(room + 1, sizeof *out->bindings);
	if (!out->objects || !out->bindings) {
		free(names);
		return matr_fail_memory(err);
	}
	for (size_t i = first; i < mapping->n_scope; i++) {
		out->objects[out->n_objects++] = (struct matr_baseline_object){
			.name = names[i],
			.path = path_of(mapping, i),
			.rule = matr_search_rule_name(mapping->scope[i].rule),
		};
		add_bindings(mapping, names, i, out);
	}
	free(names);
	qsort(out->bindings, out->n_bindings, sizeof *out->bindings, baseline_compare_bindings);
	for (size_t i = 0; i < out->n_bindings; i++)
		if (i == 0 ||
		    baseline_compare_bindings(&out->bindings[i], &out->bindings[n - 1]) != 0)
			out->bindings[n++] = out->bindings[i];
	out->n_bindings = n;
	array_fit(&out->bindings, n, sizeof *out->bindings);
	return 0;
}

static int add_loads(struct matr_store *store, int64_t application,
		     struct matr_baseline_program *out, struct matr_error *err)
{
	int result = 0;

	out->closures = calloc(out->n_records + 1, sizeof *out->closures);
	if (!out->closures)
		return matr_fail_memory(err);
	for (size_t i = 0; i < out->n_records && !result; i++) {
		if (!out->records[i].objects) /* left to ld.so */
			continue;
		struct matr_closure *closure = &out->closures[out->n_closures];
		result = matr_store_closure(store, application, &out->records[i], closure, err);
		if (result)
			break;
		out->n_closures++;
		result = make_block(closure->mapping, closure->n_start, out->records[i].root,
				    &out->blocks[out->n_blocks++], err);
	}
	if (!result)
		qsort(out->blocks, out->n_blocks, sizeof *out->blocks, baseline_compare_blocks);
	return result;
}

static int read_program(struct matr_store *store, int64_t application,
			struct matr_baseline_program *out, struct matr_error *err)
{
	if (matr_store_closures(store, application, &out->records, &out->n_records, err) != 0 ||
	    matr_store_mapping(store, application, &out->mapping, err) != 0)
		return -1;
	out->path = out->mapping->scope[0].path;
	out->blocks = calloc(out->n_records + 1, sizeof *out->blocks);
	if (!out->blocks)
		return matr_fail_memory(err);
	out->n_blocks = 1;
	if (make_block(out->mapping, 0, NULL, &out->blocks[0], err) != 0)
		return -1;
	return add_loads(store, application, out, err);
}

int matr_baseline_of_application(struct matr_store *store, int64_t application,
				 struct matr_baseline_program *out, struct matr_error *err)
{
	*out = (struct matr_baseline_program){.path = NULL};
	int result = read_program(store, application, out, err);
	if (result != 0)
		matr_baseline_program_free(out);
	return result;
}

void matr_baseline_program_free(struct matr_baseline_program *program)
{
	for (size_t i = 0; i < program->n_blocks; i++) {
		free(program->blocks[i].objects);
		free(program->blocks[i].bindings);
	}
	free(program->blocks);
	if (program->mapping)
		matr_mapping_free(program->mapping);
	if (program->closures)
		matr_closures_free(program->closures, program->n_closures);
	if (program->records)
		matr_store_closures_free(program->records, program->n_records);
	*program = (struct matr_baseline_program){.path = NULL};
}

/* ---- differences ---- */

struct changes {
	struct matr_baseline_change *list;
	size_t n, room;
	bool failed; /* out of memory */
};

static void put(struct changes *changes, struct matr_baseline_change change)
{
	if (array_reserve(&changes->list, &changes->room, changes->n + 1, sizeof *changes->list,
			  NULL) != 0) {
		changes->failed = true;
		return;
	}
	changes->list[changes->n++] = change;
}

static void put_object(struct changes *changes, const char *load, enum matr_change change,
		       const struct matr_baseline_object *before,
		       const struct matr_baseline_object *after)
{
	put(changes, (struct matr_baseline_change){.subject = MATR_BASELINE_OBJECT,
						   .change = change,
						   .load = load,
						   .object_before = before,
						   .object_after = after});
}

/* Scopes are a few hundred objects at most, so each is simply looked for. */
static void compare_objects(const struct matr_baseline_block *before,
			    const struct matr_baseline_block *after, bool *taken,
			    struct changes *changes)
{
	size_t last = 0;
	bool reordered = false;

	for (size_t i = 0; i < after->n_objects; i++) {
		const struct matr_baseline_object *object = &after->objects[i];
		size_t k = 0;
		while (k < before->n_objects &&
		       (taken[k] || strcmp(before->objects[k].name, object->name) != 0))
			k++;
		if (k == before->n_objects) {
			put_object(changes, after->load, MATR_CHANGE_ADDED, NULL, object);
			continue;
		}
		taken[k] = true;
		reordered |= k < last;
		last = k;
		if (strcmp(before->objects[k].path, object->path) != 0 ||
		    strcmp(before->objects[k].rule, object->rule) != 0)
			put_object(changes, after->load, MATR_CHANGE_MOVED, &before->objects[k],
				   object);
	}
	for (size_t k = 0; k < before->n_objects; k++)
		if (!taken[k])
			put_object(changes, after->load, MATR_CHANGE_REMOVED, &before->objects[k],
				   NULL);
	if (reordered)
		put(changes, (struct matr_baseline_change){.subject = MATR_BASELINE_SCOPE,
							   .load = after->load});
}

static void compare_bindings(const struct matr_baseline_block *before,
			     const struct matr_baseline_block *after, struct changes *changes)
{
	const struct matr_baseline_binding *old = before->bindings, *new = after->bindings;
	const struct matr_baseline_binding *old_end = old + before->n_bindings,
					   *new_end = new + after->n_bindings;

	while (old < old_end || new < new_end) {
		int order = old == old_end ? 1 : new == new_end ? -1 : compare_keys(old, new);
		struct matr_baseline_change change = {.subject = MATR_BASELINE_BINDING,
						      .change = order < 0   ? MATR_CHANGE_REMOVED
								: order > 0 ? MATR_CHANGE_ADDED
									    : MATR_CHANGE_MOVED,
						      .load = after->load,
						      .before = order <= 0 ? old : NULL,
						      .after = order >= 0 ? new : NULL};
		if (order != 0 || strcmp(old->provider, new->provider) != 0)
			put(changes, change);
		old += order <= 0;
		new += order >= 0;
	}
}

static void compare_blocks(const struct matr_baseline_block *before,
			   const struct matr_baseline_block *after, struct changes *changes)
{
	bool *taken = calloc(before->n_objects + 1, sizeof *taken);

	if (!taken) {
		changes->failed = true;
		return;
	}
	compare_objects(before, after, taken, changes);
	compare_bindings(before, after, changes);
	free(taken);
}

int matr_baseline_compare(const struct matr_baseline_program *before,
			  const struct matr_baseline_program *after,
			  struct matr_baseline_change **out, size_t *n, struct matr_error *err)
{
	struct changes changes = {.list = NULL};
	size_t i = 0, k = 0;

	while (i < before->n_blocks || k < after->n_blocks) {
		const struct matr_baseline_block *old = &before->blocks[i];
		const struct matr_baseline_block *new = &after->blocks[k];
		int order = i == before->n_blocks  ? 1
			    : k == after->n_blocks ? -1
						   : baseline_compare_blocks(old, new);
		if (order == 0)
			compare_blocks(old, new, &changes);
		else
			put(&changes,
			    (struct matr_baseline_change){
				    .subject = MATR_BASELINE_LOAD,
				    .change = order < 0 ? MATR_CHANGE_REMOVED : MATR_CHANGE_ADDED,
				    .load = order < 0 ? old->load : new->load,
			    });
		i += order <= 0;
		k += order >= 0;
	}
	if (changes.failed) {
		free(changes.list);
		return matr_fail_memory(err);
	}
	*out = changes.list;
	*n = changes.n;
	return 0;
}
