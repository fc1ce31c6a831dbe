/* libraries.c - the scope of one file, without what a mapping needs of it. */
#include <matr/libraries.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/scope.h"

void matr_libraries_free(struct matr_libraries *libraries)
{
	for (size_t i = 0; i < libraries->n; i++) {
		free(libraries->list[i].path);
		free(libraries->list[i].canonical);
	}
	for (size_t i = 0; i < libraries->n_needed; i++)
		free(libraries->needed[i].name);
	free(libraries->list);
	free(libraries->needed);
	*libraries = (struct matr_libraries){0};
}

static int copy_entries(const struct scope *scope, struct matr_libraries *out,
			struct matr_error *err)
{
	out->list = calloc(scope->n + 1, sizeof *out->list);
	if (!out->list)
		return matr_fail_memory(err);
	for (size_t i = 0; i < scope->n; i++) {
		const struct matr_scope_entry *entry = &scope->entries[i];
		struct matr_library *library = &out->list[out->n++];
		*library = (struct matr_library){
			.path = strdup(entry->path),
			.canonical = strdup(entry->object->path),
			.rule = entry->rule,
		};
		if (!library->path || !library->canonical)
			return matr_fail_memory(err);
	}
	return 0;
}

/* The scope has dependencies for DT_AUXILIARY and DT_FILTER too, which are not DT_NEEDED
 * entries. */
static int copy_needed(const struct scope *scope, struct matr_libraries *out,
		       struct matr_error *err)
{
	const struct matr_object *object = scope->entries[0].object;

	out->needed = calloc(object->n_needed + 1, sizeof *out->needed);
	if (!out->needed)
		return matr_fail_memory(err);
	for (size_t i = 0, at = 0; i < object->n_dynamic && at < object->n_needed; i++) {
		int64_t tag = object->dynamic[i].tag;
		if (tag == DT_NEEDED) {
			struct matr_needed_library *needed = &out->needed[out->n_needed++];
			uint32_t found = scope->dependencies[at].object;
			needed->library = found == NO_INDEX ? MATR_LIBRARY_NOT_FOUND : found;
			needed->name = strdup(object->needed[at]);
			if (!needed->name)
				return matr_fail_memory(err);
		}
		at += tag == DT_NEEDED || tag == DT_AUXILIARY || tag == DT_FILTER;
	}
	return 0;
}

int matr_libraries_find(struct matr_session *session, const char *path, struct matr_libraries *out,
			struct matr_error *err)
{
	struct scope scope = {0};
	const struct known_path *known;

	*out = (struct matr_libraries){0};
	if (session_path(session, path, &known, err) < 0)
		return -1;
	if (known->object == NO_INDEX) /* passed over by the search: reading it gives the reason */
		return session_open_object(session, path, err) ? 0 : -1;
	int result = scope_make(session, known->object,
				session->objects[known->object].object->path, &scope, err);
	if (result == 0)
		result = copy_entries(&scope, out, err);
	if (result == 0)
		result = copy_needed(&scope, out, err);
	scope_free(&scope);
	if (result < 0)
		matr_libraries_free(out);
	return result;
}
