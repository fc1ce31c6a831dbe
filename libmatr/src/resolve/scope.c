/* scope.c - the breadth-first scope, as ld.so builds it.
 *
 * The application first, then preloaded objects, then what each object needs, in the order of
 * DT_NEEDED, each object once. A name is compared with what is loaded (paths, sonames, names that
 * led there before) before it is searched for, and a file that turns out to be loaded already
 * (device and inode) is not loaded again. The dynamic linker is loaded from the start, but takes
 * its place in the scope when an object needs it.
 *
 * DT_FILTER and DT_AUXILIARY put an object in front of the one that names it, so that its
 * definitions come first; where it comes later already, it is moved; where earlier, it stays (gABI
 * chapter 5, "Dynamic Section", as far as glibc follows it). Objects are numbered as they are
 * loaded; a list, like ld.so's, has the order of the scope.
 */
#include "resolve/scope.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <matr/loader.h>

#include "base/array.h"
#include "elf/isa.h"
#include "resolve/glibc_rules.h"
#include "resolve/scope_flat.h"
#include "resolve/scope_interpreter.h"
#include "resolve/search.h"

enum { MAX_OBJECTS = 60000 };

struct place {		       /* in the list that becomes the scope */
	uint32_t object, next; /* next: index of a place, NO_INDEX at the end */
	bool done;	       /* its dependencies have been seen to */
};

struct scope_maker {
	struct matr_session *session;
	struct scope *scope;
	struct place *places; /* [0] is the head */
	size_t n_places, place_capacity;
	uint32_t tail;
	bool *listed, *visited; /* by object */
	bool loading; /* what dlopen() or an edit adds: filters do not change its order here */
	const char *const *other_loads; /* scope_options's, for what dlopen() adds */
	size_t n_other_loads;
	const char *interpreter_path;
	uint32_t interpreter_object; /* session object index */
};

void scope_free(struct scope *scope)
{
	for (size_t i = 0; i < scope->n; i++)
		free(scope->entries[i].path);
	free(scope->entries);
	free(scope->indices);
	free(scope->dependencies);
	free(scope->additions);
	scope_names_free(&scope->names);
	scope_names_free(&scope->loaded_as);
	*scope = (struct scope){0};
}

/* ---- objects ---- */

static int make_room(struct scope_maker *maker, struct matr_error *err)
{
	struct scope *scope = maker->scope;
	struct {
		void *array;
		size_t size;
	} arrays[] = {
		{&scope->entries, sizeof *scope->entries},
		{&scope->indices, sizeof *scope->indices},
		{&maker->listed, sizeof *maker->listed},
		{&maker->visited, sizeof *maker->visited},
	};
	size_t room = scope->capacity;

	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
		room = scope->capacity;
		if (array_reserve(arrays[i].array, &room, scope->n + 1, arrays[i].size, err) != 0)
			return -1;
	}
	scope->capacity = room;
	return 0;
}

/* Takes over path. */
static int append(struct scope_maker *maker, uint32_t object, struct matr_scope_entry entry,
		  struct matr_error *err)
{
	struct scope *scope = maker->scope;

	if (scope->n == scope->capacity && make_room(maker, err) < 0) {
		free(entry.path);
		return -1;
	}
	entry.object = maker->session->objects[object].object;
	uint32_t index = (uint32_t)scope->n++;
	scope->entries[index] = entry;
	scope->indices[index] = object;
	maker->listed[index] = maker->visited[index] = false;
	if (scope->n > MAX_OBJECTS)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
				 "more than %d objects", MAX_OBJECTS);
	if (elf_isa_needed(entry.object->flags) > ELF_ISA_BASELINE)
		scope->flags |= MATR_MAPPING_USES_CPU;
	/* The application has no path that others could ask for. */
	if (scope_names_add(&scope->names, index ? entry.path : "", index, err) < 0 ||
	    scope_names_add(&scope->loaded_as, index ? entry.path : "", index, err) < 0)
		return -1;
	if (entry.object->soname)
		return scope_names_add(&scope->names, entry.object->soname, index, err);
	return 0;
}

static int append_interpreter(struct scope_maker *maker, uint32_t requester, const char *name,
			      struct matr_error *err)
{
	struct matr_scope_entry entry = {
		.path = strdup(maker->interpreter_path),
		.rule = MATR_FOUND_INTERPRETER,
		.loaded_by = requester,
		.needed_as = name,
	};
	if (!entry.path)
		return matr_fail_memory(err);
	maker->scope->interpreter = (uint32_t)maker->scope->n;
	return append(maker, maker->interpreter_object, entry, err);
}

static bool is_interpreter_name(const struct scope_maker *maker, const char *name)
{
	if (maker->interpreter_object == NO_INDEX)
		return false;
	const char *soname = maker->session->objects[maker->interpreter_object].object->soname;
	return !strcmp(name, maker->interpreter_path) || (soname && !strcmp(name, soname));
}

/* A file that is not loaded yet, or is under another name. */
static int take(struct scope_maker *maker, const struct found *found, struct matr_scope_entry entry,
		uint32_t *index, struct matr_error *err)
{
	struct scope *scope = maker->scope;

	for (uint32_t i = 0; i < scope->n; i++) {
		if (scope->indices[i] != found->object)
			continue;
		free(entry.path);
		*index = i;
		/* ld.so does not recognise this file as the application, and loads it again. */
		return i ? 0
			 : matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
				     "is also needed as a library");
	}
	*index = (uint32_t)scope->n;
	return append(maker, found->object, entry, err);
}

static bool has_name(const struct matr_object *object, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return strcmp(object->soname ? object->soname : slash ? slash + 1 : path, name) == 0;
}

/* The one library of that name among what the application loads otherwise. In a process that has
 * loaded it ld.so finds it by that name. */
static int find_company(const struct scope_maker *maker, const char *name, struct found *out,
			struct matr_error *err)
{
	const struct known_path *known;
	const char *path = NULL;
	uint32_t object = NO_INDEX;

	for (size_t i = 0; i < maker->n_other_loads; i++) {
		struct matr_error ignored = {0};
		if (session_path(maker->session, maker->other_loads[i], &known, &ignored) < 0) {
			if (ignored.code == MATR_ERROR_RESOURCES)
				return matr_error_copy(err, &ignored);
			continue;
		}
		if (known->object == NO_INDEX || known->object == object ||
		    !has_name(maker->session->objects[known->object].object, maker->other_loads[i],
			      name))
			continue;
		if (object != NO_INDEX) /* it depends on the order of loading which one is meant */
			return matr_fail(err, MATR_ERROR_NOT_FOUND, name,
					 "several libraries that are loaded have this name");
		object = known->object;
		path = maker->other_loads[i];
	}
	if (object == NO_INDEX)
		return 0;
	*out = (struct found){.path = strdup(path), .object = object, .rule = MATR_FOUND_LOADED};
	return out->path ? 0 : matr_fail_memory(err);
}

/* Test whether the scope may do without a library that failed with `why`. */
static bool leaves_gap(const struct matr_session *session, const struct matr_error *why)
{
	if (session->search_only)
		return why->code != MATR_ERROR_RESOURCES;
	return session->incomplete && why->code == MATR_ERROR_NOT_FOUND;
}

/* Search for what is not loaded by that name. */
static int search_and_take(struct scope_maker *maker, uint32_t requester, const char *asked,
			   const char *name, bool preload, uint32_t *index, struct matr_error *err)
{
	struct scope *scope = maker->scope;
	struct searcher searcher = {scope->entries, requester, scope->library_path};
	struct found found = {.object = NO_INDEX};

	struct matr_error own = {0};
	int searched = search_library(maker->session, &searcher, asked, &found, &own);
	if (searched < 0 && own.code == MATR_ERROR_NOT_FOUND && maker->n_other_loads) {
		if (find_company(maker, asked, &found, err) < 0)
			return -1;
		searched = found.object == NO_INDEX ? -1 : 0;
	}
	if (searched < 0) {
		if (leaves_gap(maker->session, &own))
			return 0;
		return matr_error_copy(err, &own);
	}
	scope->flags |= found.flags;
	if (found.object == maker->interpreter_object) {
		free(found.path);
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[requester].path,
				 "needs the dynamic linker as %s", asked);
	}
	struct matr_scope_entry entry = {
		.path = found.path,
		.rule = preload ? MATR_FOUND_PRELOAD : found.rule,
		.loaded_by = requester,
		.needed_as = preload ? NULL : name,
	};
	return take(maker, &found, entry, index, err);
}

/* Bring in what `name` asks for on behalf of the requester. */
static int need(struct scope_maker *maker, uint32_t requester, const char *name, bool preload,
		uint32_t *index, struct matr_error *err)
{
	struct scope *scope = maker->scope;
	struct searcher searcher = {scope->entries, requester, scope->library_path};
	char expanded[PATH_MAX];
	const char *asked = name;

	if (strchr(name, '$')) {
		if (search_expand(maker->session, &searcher, name, expanded, &scope->flags, err) <
		    0)
			return -1;
		asked = expanded;
	}
	*index = scope_names_find(&scope->names, asked);
	if (*index != NO_INDEX)
		return asked == name ? scope_names_add(&scope->loaded_as, name, *index, err) : 0;
	if (is_interpreter_name(maker, asked)) {
		*index = (uint32_t)scope->n;
		return append_interpreter(maker, requester, name, err);
	}
	if (search_and_take(maker, requester, asked, name, preload, index, err) < 0)
		return -1;
	if (*index == NO_INDEX)
		return 0;
	/* No version is needed of a name with a token: vn_file is not expanded. */
	if (asked != name)
		return scope_names_add_copy(&scope->names, asked, *index, err);
	return scope_names_add(&scope->names, name, *index, err) < 0
		       ? -1
		       : scope_names_add(&scope->loaded_as, name, *index, err);
}

/* ---- their order ---- */

static int new_place(struct scope_maker *maker, struct place place, uint32_t *index,
		     struct matr_error *err)
{
	if (array_reserve(&maker->places, &maker->place_capacity, maker->n_places + 1,
			  sizeof *maker->places, err) != 0)
		return -1;
	*index = (uint32_t)maker->n_places;
	maker->places[maker->n_places++] = place;
	return 0;
}

/* At the end, unless it has a place. */
static int list_object(struct scope_maker *maker, uint32_t object, struct matr_error *err)
{
	uint32_t index = 0;

	if (maker->listed[object])
		return 0;
	if (new_place(maker, (struct place){.object = object, .next = NO_INDEX}, &index, err) < 0)
		return -1;
	if (index)
		maker->places[maker->tail].next = index;
	maker->tail = index;
	maker->listed[object] = true;
	return 0;
}

/* In front of the object at place *at, which moves to a new place, the new *at. */
static int list_in_front(struct scope_maker *maker, uint32_t object, uint32_t *at,
			 struct matr_error *err)
{
	uint32_t front = *at, moved = 0;

	if (new_place(maker, maker->places[front], &moved, err) < 0)
		return -1;
	struct place *places = maker->places;
	if (maker->listed[object]) {
		uint32_t before = moved;
		while (places[before].next != NO_INDEX &&
		       places[places[before].next].object != object)
			before = places[before].next;
		uint32_t later = places[before].next;
		if (later == NO_INDEX) { /* it is earlier already */
			maker->n_places--;
			return 0;
		}
		if (maker->tail == later)
			maker->tail = before;
		places[before].next = places[later].next;
	}
	places[front] = (struct place){.object = object, .next = moved};
	maker->listed[object] = true;
	maker->scope->rearranged = true;
	if (maker->tail == front)
		maker->tail = moved;
	*at = moved;
	return 0;
}

static int add_dependency(struct scope *scope, struct dependency dependency, struct matr_error *err)
{
	if (array_reserve(&scope->dependencies, &scope->dependency_capacity,
			  scope->n_dependencies + 1, sizeof *scope->dependencies, err) != 0)
		return -1;
	scope->dependencies[scope->n_dependencies++] = dependency;
	return 0;
}

/* One DT_NEEDED, DT_AUXILIARY or DT_FILTER of the object whose place is *at. */
static int visit_name(struct scope_maker *maker, uint32_t requester, int64_t tag, uint32_t position,
		      uint32_t *at, bool first, struct matr_error *err)
{
	const struct matr_object *object = maker->scope->entries[requester].object;
	struct matr_error ignored = {0};
	uint32_t index;

	int result = need(maker, requester, object->needed[position], false, &index,
			  tag == DT_AUXILIARY ? &ignored : err);
	if (result < 0 && tag != DT_AUXILIARY)
		return -1;
	if (result < 0) {
		/* ld.so continues without it. With any error but a missing file it is unclear what
		 * ld.so does. */
		if (ignored.code != MATR_ERROR_NOT_FOUND)
			return matr_error_copy(err, &ignored);
		index = NO_INDEX;
	}
	struct dependency dependency = {requester, index, position};
	if (first && add_dependency(maker->scope, dependency, err) < 0)
		return -1;
	if (index == NO_INDEX)
		return 0;
	return tag == DT_NEEDED || !requester ? list_object(maker, index, err)
					      : list_in_front(maker, index, at, err);
}

static int visit(struct scope_maker *maker, uint32_t at, struct matr_error *err)
{
	uint32_t requester = maker->places[at].object, position = 0;
	const struct matr_object *object = maker->scope->entries[requester].object;
	bool first = !maker->visited[requester];

	maker->places[at].done = true;
	maker->visited[requester] = true;
	if ((!requester || maker->loading) && object->flags & MATR_OBJECT_FILTER &&
	    !maker->session->search_only && !maker->session->incomplete)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
				 "is a filter (DT_FILTER or DT_AUXILIARY)");
	for (size_t i = 0; i < object->n_dynamic; i++) {
		int64_t tag = object->dynamic[i].tag;
		if (tag != DT_NEEDED && tag != DT_AUXILIARY && tag != DT_FILTER)
			continue;
		if (position >= object->n_needed) /* from a store that does not have these */
			return matr_fail(err, MATR_ERROR_MALFORMED, object->path,
					 "has more names of other objects than are known");
		if (visit_name(maker, requester, tag, position++, &at, first, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---- */

/* If only a library's scope is wanted, there may be no interpreter, or any. */
static int find_any_interpreter(struct scope_maker *maker, const struct matr_object *object,
				struct matr_error *err)
{
	const struct known_path *known = NULL;
	const char *real;

	maker->interpreter_path = object->interpreter ? object->interpreter : MATR_SYSTEM_LOADER;
	if (session_interpreter(maker->session, maker->interpreter_path, &real, err) < 0 ||
	    (real && session_path(maker->session, real, &known, err) < 0))
		return -1;
	maker->interpreter_object = real ? known->object : NO_INDEX;
	return 0;
}

static int find_interpreter(struct scope_maker *maker, const struct matr_object *application,
			    struct matr_error *err)
{
	if (maker->session->search_only)
		return find_any_interpreter(maker, application, err);
	maker->interpreter_path = application->interpreter;
	if (scope_interpreter(maker->session, application, &maker->interpreter_object, err) < 0)
		return -1;
	const char *soname = maker->session->objects[maker->interpreter_object].object->soname;
	struct scope_names *names = &maker->scope->loaded_as;
	return scope_names_add(names, maker->interpreter_path, SCOPE_INTERPRETER, err) < 0
		       ? -1
		       : scope_names_add(names, soname, SCOPE_INTERPRETER, err);
}

static int visit_all(struct scope_maker *maker, struct matr_error *err)
{
	for (uint32_t at = 0; at != NO_INDEX;) {
		if (visit(maker, at, err) < 0)
			return -1;
		/* A filtee is now at the filter's place, and not done. */
		while (at != NO_INDEX && maker->places[at].done)
			at = maker->places[at].next;
	}
	return 0;
}

/* Skip objects that cannot be preloaded: ld.so prints a warning at every start and continues. */
static int preload(struct scope_maker *maker, struct matr_error *err)
{
	for (size_t i = 0; i < maker->session->preload.n; i++) {
		struct matr_error ignored = {0};
		uint32_t index;
		if (need(maker, 0, maker->session->preload.names[i], true, &index, &ignored) < 0) {
			if (ignored.code != MATR_ERROR_NOT_FOUND)
				return matr_error_copy(err, &ignored);
			continue;
		}
		if (index != NO_INDEX && list_object(maker, index, err) < 0)
			return -1;
	}
	maker->scope->n_preload = (uint32_t)maker->scope->n - 1;
	return 0;
}

static int make(struct scope_maker *maker, uint32_t application, const char *path,
		struct matr_error *err)
{
	const struct matr_object *object = maker->session->objects[application].object;
	struct matr_scope_entry entry = {.path = strdup(path)};

	if (!entry.path)
		return matr_fail_memory(err);
	if (append(maker, application, entry, err) < 0 || list_object(maker, 0, err) < 0 ||
	    find_interpreter(maker, object, err) < 0 || preload(maker, err) < 0)
		return -1;
	return visit_all(maker, err);
}

/* A library and what it needs behind all that is there, where it has places of their own.
 * Nothing is added where the application has it already. */
static int load(struct scope_maker *maker, const char *root, uint32_t *index,
		struct matr_error *err)
{
	struct scope *scope = maker->scope;
	uint32_t n_before = (uint32_t)scope->n;

	/* A list of its own. What is loaded has no place in it. */
	maker->loading = true;
	maker->n_places = 0;
	memset(maker->listed, true, scope->n * sizeof *maker->listed);
	if (need(maker, 0, root, false, index, err) < 0)
		return -1;
	if (*index < n_before || *index == NO_INDEX)
		return 0;
	scope->entries[*index].needed_as = NULL;
	return list_object(maker, *index, err) < 0 ? -1 : visit_all(maker, err);
}

static int add_all(struct scope_maker *maker, const struct scope_options *options,
		   struct matr_error *err)
{
	struct scope *scope = maker->scope;

	scope->n_own = (uint32_t)scope->n;
	scope->additions = calloc(options->n_additions + 1, sizeof *scope->additions);
	if (!scope->additions)
		return matr_fail_memory(err);
	for (size_t i = 0; i < options->n_additions; i++) {
		struct scope_addition *addition = &scope->additions[i];
		addition->first = (uint32_t)scope->n;
		if (load(maker, options->additions[i], &addition->object, err) < 0)
			return -1;
		addition->end = (uint32_t)scope->n;
		if (addition->end > addition->first)
			scope->entries[addition->object].rule = MATR_FOUND_EDIT;
	}
	return 0;
}

static int compare_dependencies(const void *left, const void *right)
{
	const struct dependency *a = left, *b = right;
	if (a->requester != b->requester)
		return a->requester < b->requester ? -1 : 1;
	return a->needed < b->needed ? -1 : a->needed > b->needed;
}

static void renumber(struct scope_names *names, const uint32_t *to)
{
	for (uint32_t i = 0; i < names->intern.n; i++)
		if (names->index[i] != SCOPE_INTERPRETER)
			names->index[i] = to[names->index[i]];
}

/* From the order of loading to that of the list. */
static int rearrange(struct scope_maker *maker, struct matr_error *err)
{
	struct scope *scope = maker->scope;
	struct matr_scope_entry *entries = calloc(scope->n, sizeof *entries);
	uint32_t *indices = calloc(scope->n, sizeof *indices);
	uint32_t *to = calloc(scope->n, sizeof *to);
	uint32_t n = 0;

	if (!entries || !indices || !to) {
		free(entries);
		free(indices);
		free(to);
		return matr_fail_memory(err);
	}
	for (uint32_t at = 0; at != NO_INDEX; at = maker->places[at].next) {
		uint32_t from = maker->places[at].object;
		entries[n] = scope->entries[from];
		indices[n] = scope->indices[from];
		to[from] = n++;
	}
	for (uint32_t i = 0; i < n; i++)
		entries[i].loaded_by = to[entries[i].loaded_by];
	for (size_t i = 0; i < scope->n_dependencies; i++) {
		struct dependency *dependency = &scope->dependencies[i];
		dependency->requester = to[dependency->requester];
		if (dependency->object != NO_INDEX)
			dependency->object = to[dependency->object];
	}
	renumber(&scope->names, to);
	renumber(&scope->loaded_as, to);
	if (scope->interpreter != NO_INDEX)
		scope->interpreter = to[scope->interpreter];
	if (scope->n_dependencies)
		qsort(scope->dependencies, scope->n_dependencies, sizeof *scope->dependencies,
		      compare_dependencies);
	free(scope->entries);
	free(scope->indices);
	free(to);
	scope->entries = entries;
	scope->indices = indices;
	scope->capacity = scope->n;
	return 0;
}

static bool wants_executable_stack(const struct matr_object *object)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		if (object->segments[i].type == PT_GNU_STACK)
			return object->segments[i].flags & PF_X;
	}
	return true;
}

/* An object that needs an executable stack can be loaded only into a process that has one: ld.so
 * refuses it in others. */
static int check_stack(const struct matr_session *session, const struct scope *scope,
		       uint32_t n_start, struct matr_error *err)
{
	if (glibc_has(session->system.glibc, GLIBC_DLOPEN_EXECUTABLE_STACK))
		return 0;
	for (size_t i = 0; i < scope->n; i++) {
		if (!wants_executable_stack(scope->entries[i].object))
			continue;
		if (i < n_start)
			return 0;
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[i].path,
				 "needs an executable stack, which dlopen() does not make");
	}
	return 0;
}

int scope_make_closure(struct matr_session *session, uint32_t application, const char *path,
		       const struct scope_options *options, struct scope *out, uint32_t *n_start,
		       struct matr_error *err)
{
	struct scope_maker maker = {.session = session, .scope = out};
	uint32_t index;

	*out = (struct scope){.interpreter = NO_INDEX, .library_path = options->library_path};
	int result = make(&maker, application, path, err);
	if (!result && out->rearranged)
		result = rearrange(&maker, err);
	if (!result)
		result = add_all(&maker, options, err);
	if (!result && !session->search_only && !session->incomplete)
		result = scope_check_flat(session, out, err);
	*n_start = (uint32_t)out->n;
	maker.other_loads = options->other_loads;
	maker.n_other_loads = options->n_other_loads;
	if (!result && options->root)
		result = load(&maker, options->root, &index, err);
	if (!result && options->root)
		result = check_stack(session, out, *n_start, err);
	if (out->interpreter == NO_INDEX)
		out->interpreter = (uint32_t)out->n;
	free(maker.places);
	free(maker.listed);
	free(maker.visited);
	return result;
}

int scope_make(struct matr_session *session, uint32_t application, const char *path,
	       struct scope *out, struct matr_error *err)
{
	const struct scope_options options = {.root = NULL};
	uint32_t n_start;

	return scope_make_closure(session, application, path, &options, out, &n_start, err);
}
