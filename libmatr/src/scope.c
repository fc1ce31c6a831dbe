/* scope.c - the breadth-first scope, as ld.so builds it.
 *
 * The application first, then preloaded objects, then what each object needs, in the order of DT_NEEDED,
 * each object once. A name is compared with what is loaded (paths, sonames, names that led there before)
 * before it is searched for, and a file that turns out to be loaded already (device and inode) is not loaded
 * again. The dynamic linker is loaded from the start, but takes its place in the scope when an object needs
 * it.
 */
#include "scope.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search.h"

enum { MAX_OBJECTS = 60000, MAX_SYMBOLIC_LINKS = 40 };

struct names { /* name -> scope index, the first that has it */
	struct intern intern;
	uint32_t *index;
	size_t capacity;
};

struct scope_maker {
	struct matr_session *session;
	struct scope *scope;
	struct names names;
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
	free(scope->first_dependency);
	*scope = (struct scope){0};
}

static int add_name(struct names *names, const char *name, uint32_t index, struct matr_error *err)
{
	uint32_t before = names->intern.n, id;

	if (intern_add(&names->intern, name, &id, err) < 0)
		return -1;
	if (id >= names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 256;
		uint32_t *list = realloc(names->index, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		names->index = list;
		names->capacity = capacity;
	}
	if (id == before || index < names->index[id])
		names->index[id] = index;
	return 0;
}

static uint32_t find_name(const struct names *names, const char *name)
{
	uint32_t id = intern_find(&names->intern, name);
	return id == UINT32_MAX ? NO_INDEX : names->index[id];
}

/* Takes over path. */
static int append(struct scope_maker *maker, uint32_t object, struct matr_scope_entry entry,
		  struct matr_error *err)
{
	struct scope *scope = maker->scope;

	if (scope->n == scope->capacity) {
		size_t capacity = scope->capacity ? scope->capacity * 2 : 64;
		struct matr_scope_entry *entries =
			realloc(scope->entries, capacity * sizeof *entries);
		if (entries)
			scope->entries = entries;
		uint32_t *indices = realloc(scope->indices, capacity * sizeof *indices);
		if (indices)
			scope->indices = indices;
		if (!entries || !indices) {
			free(entry.path);
			return matr_fail_memory(err);
		}
		uint32_t *first = realloc(scope->first_dependency, (capacity + 1) * sizeof *first);
		if (!first) {
			free(entry.path);
			return matr_fail_memory(err);
		}
		scope->first_dependency = first;
		scope->capacity = capacity;
	}
	entry.object = maker->session->objects[object].object;
	uint32_t index = (uint32_t)scope->n++;
	scope->entries[index] = entry;
	scope->indices[index] = object;
	if (scope->n > MAX_OBJECTS)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
				 "more than %d objects", MAX_OBJECTS);
	/* The application has no name that others could ask for, but its soname. */
	if (index && add_name(&maker->names, entry.path, index, err) < 0)
		return -1;
	if (entry.object->soname)
		return add_name(&maker->names, entry.object->soname, index, err);
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
		if (scope->indices[i] == found->object) {
			free(entry.path);
			*index = i;
			return 0;
		}
	}
	*index = (uint32_t)scope->n;
	return append(maker, found->object, entry, err);
}

/* Bring in what `name` asks for on behalf of the requester. */
static int need(struct scope_maker *maker, uint32_t requester, const char *name, bool preload,
		uint32_t *index, struct matr_error *err)
{
	struct scope *scope = maker->scope;
	struct searcher searcher = {scope->entries, requester};
	struct found found;

	*index = find_name(&maker->names, name);
	if (*index != NO_INDEX)
		return 0;
	if (is_interpreter_name(maker, name)) {
		*index = (uint32_t)scope->n;
		return append_interpreter(maker, requester, name, err);
	}
	struct matr_error own;
	if (search_library(maker->session, &searcher, name, &found, &own) < 0) {
		if (maker->session->search_only && own.code != MATR_ERROR_MEMORY)
			return 0;
		return matr_fail(err, own.code, own.file, "%s", own.message);
	}
	scope->flags |= found.flags;
	if (found.object == maker->interpreter_object && scope->interpreter == NO_INDEX) {
		free(found.path);
		*index = (uint32_t)scope->n;
		if (append_interpreter(maker, requester, name, err) < 0)
			return -1;
	} else {
		struct matr_scope_entry entry = {
			.path = found.path,
			.rule = preload ? MATR_FOUND_PRELOAD : found.rule,
			.loaded_by = requester,
			.needed_as = preload ? NULL : name,
		};
		if (take(maker, &found, entry, index, err) < 0)
			return -1;
	}
	return add_name(&maker->names, name, *index, err);
}

static int add_dependency(struct scope *scope, uint32_t index, struct matr_error *err)
{
	if (scope->n_dependencies == scope->dependency_capacity) {
		size_t capacity = scope->dependency_capacity ? scope->dependency_capacity * 2 : 256;
		uint32_t *list = realloc(scope->dependencies, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		scope->dependencies = list;
		scope->dependency_capacity = capacity;
	}
	scope->dependencies[scope->n_dependencies++] = index;
	return 0;
}

static int find_interpreter(struct scope_maker *maker, const struct matr_object *application,
			    struct matr_error *err)
{
	const struct known_path *known = NULL;
	const char *real;

	maker->interpreter_path = application->interpreter;
	if (!maker->interpreter_path && maker->session->search_only) /* a library */
		maker->interpreter_path = session_default_interpreter;
	if (session_interpreter(maker->session, maker->interpreter_path, &real, err) < 0 ||
	    (real && session_path(maker->session, real, &known, err) < 0))
		return -1;
	maker->interpreter_object = real ? known->object : NO_INDEX;
	if (maker->interpreter_object == NO_INDEX && !maker->session->search_only)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, application->path,
				 "its interpreter %s is not found", maker->interpreter_path);
	return 0;
}

/* Bring in what the entries from `first` on need, and what these need. */
static int follow(struct scope_maker *maker, uint32_t first, struct matr_error *err)
{
	struct scope *scope = maker->scope;
	uint32_t index;

	for (uint32_t i = first; i < scope->n; i++) {
		const struct matr_object *requester = scope->entries[i].object;
		if (requester->flags & MATR_OBJECT_FILTER && !maker->session->search_only)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
					 "%s is a filter (DT_FILTER or DT_AUXILIARY)",
					 requester->path);
		scope->first_dependency[i] = (uint32_t)scope->n_dependencies;
		for (size_t n = 0; n < requester->n_needed; n++) {
			if (need(maker, i, requester->needed[n], false, &index, err) < 0 ||
			    add_dependency(scope, index, err) < 0)
				return -1;
		}
		scope->first_dependency[i + 1] = (uint32_t)scope->n_dependencies;
	}
	return 0;
}

static int make(struct scope_maker *maker, uint32_t application, struct matr_error *err)
{
	const struct matr_object *object = maker->session->objects[application].object;
	struct matr_scope_entry entry = {.path = strdup(object->path)};

	if (!entry.path)
		return matr_fail_memory(err);
	if (append(maker, application, entry, err) < 0 || find_interpreter(maker, object, err) < 0)
		return -1;
	uint32_t index;
	for (size_t i = 0; i < maker->session->n_preload; i++) {
		if (need(maker, 0, maker->session->preload[i], true, &index, err) < 0)
			return -1;
	}
	return follow(maker, 0, err);
}

/* dlopen(root). Nothing is added where the application has it from the start. */
static int load(struct scope_maker *maker, const char *root, struct matr_error *err)
{
	struct scope *scope = maker->scope;
	uint32_t n_start = (uint32_t)scope->n, index;

	if (need(maker, 0, root, false, &index, err) < 0)
		return -1;
	if (index < n_start)
		return 0;
	scope->entries[index].needed_as = NULL;
	return follow(maker, n_start, err);
}

int scope_make_closure(struct matr_session *session, uint32_t application, const char *root,
		       struct scope *out, uint32_t *n_start, struct matr_error *err)
{
	struct scope_maker maker = {.session = session, .scope = out};

	*out = (struct scope){.interpreter = NO_INDEX};
	int result = make(&maker, application, err);
	*n_start = (uint32_t)out->n;
	if (!result && root)
		result = load(&maker, root, err);
	intern_free(&maker.names.intern);
	free(maker.names.index);
	if (out->interpreter == NO_INDEX)
		out->interpreter = (uint32_t)out->n;
	return result;
}

int scope_make(struct matr_session *session, uint32_t application, struct scope *out,
	       struct matr_error *err)
{
	uint32_t n_start;

	return scope_make_closure(session, application, NULL, out, &n_start, err);
}

/* ---- directories ---- */

struct directory_list {
	struct matr_directory *list;
	struct { /* parallel: the same directory may have several names */
		uint64_t device, inode;
	} * ids;
	size_t n;
};

static int add_directory(struct directory_list *list, const char *path, struct matr_error *err)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return matr_fail_errno(err, path, "cannot be read");
	for (size_t i = 0; i < list->n; i++) {
		if (list->ids[i].device == status.st_dev && list->ids[i].inode == status.st_ino)
			return 0;
	}
	struct matr_directory *directories =
		realloc(list->list, (list->n + 1) * sizeof *directories);
	if (directories)
		list->list = directories;
	void *ids = realloc(list->ids, (list->n + 1) * sizeof *list->ids);
	if (ids)
		list->ids = ids;
	char *copy = strdup(path);
	if (!directories || !ids || !copy) {
		free(copy);
		return matr_fail_memory(err);
	}
	list->ids[list->n].device = status.st_dev;
	list->ids[list->n].inode = status.st_ino;
	list->list[list->n++] = (struct matr_directory){
		.path = copy,
		.mtime = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec,
	};
	return 0;
}

/* The directories in which a name is looked up on the way to the file. */
static int add_way(struct directory_list *list, const char *path, struct matr_error *err)
{
	char at[PATH_MAX], target[PATH_MAX];

	snprintf(at, sizeof at, "%s", path);
	for (int links = 0; links < MAX_SYMBOLIC_LINKS; links++) {
		char *slash = strrchr(at, '/');
		ssize_t length = readlink(at, target, sizeof target - 1);
		*slash = 0;
		if (add_directory(list, *at ? at : "/", err) < 0)
			return -1;
		if (length < 0)
			return 0;
		target[length] = 0;
		size_t start = target[0] == '/' ? 0 : (size_t)(slash - at);
		if (snprintf(at + start, sizeof at - start, "%s%s", start ? "/" : "", target) >=
		    (int)(sizeof at - start))
			break;
	}
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, path, "too many symbolic links");
}

int scope_directories(const struct scope *scope, uint32_t first, struct matr_directory **out,
		      size_t *n, struct matr_error *err)
{
	struct directory_list list = {0};
	int result = 0;

	for (size_t i = first; i < scope->n && !result; i++) {
		if (i != scope->interpreter)
			result = add_way(&list, scope->entries[i].path, err);
	}
	free(list.ids);
	*out = list.list;
	*n = list.n;
	return result;
}
