/* scope_flat.c - check that the scope survives being flattened.
 *
 * ld-stable has ld.so load the scope as if the application needed all of it, by path. Then ld.so
 * goes through every object's DT_NEEDED as always, to find what it depends on: which decides the
 * order of relocation and of constructors, and where a filter stands. Most names are sonames or
 * paths of what is loaded by then. What is not is searched for again, with two differences:
 * everything is loaded already, not only what came before; and all objects were loaded by the
 * application, so that a DT_RPATH of what really loaded them no longer counts. So the names are
 * gone through here in the same way. Where one would lead to another object, or nowhere, the
 * application is declined. So it is where dlopen() would search in other places.
 */
#include "resolve/scope_flat.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/search.h"

struct flat {
	struct matr_session *session;
	const struct scope *scope;
	struct matr_scope_entry *entries; /* as the scope's, loaded by the application */
	struct scope_names names;
};

static int know(struct flat *flat, struct matr_error *err)
{
	const struct scope *scope = flat->scope;

	for (uint32_t i = 0; i < scope->n; i++) {
		const struct matr_object *object = scope->entries[i].object;
		if (scope_names_add(&flat->names, i ? scope->entries[i].path : "", i, err) < 0 ||
		    (object->soname && scope_names_add(&flat->names, object->soname, i, err) < 0))
			return -1;
	}
	/* ld.so preloads on its own, by the names in its file. */
	for (size_t i = 0; i < flat->session->preload.n; i++) {
		const char *name = flat->session->preload.names[i];
		uint32_t index = scope_names_find(&scope->names, name);
		if (index != NO_INDEX && scope_names_add(&flat->names, name, index, err) < 0)
			return -1;
	}
	return 0;
}

static uint32_t with_object(const struct scope *scope, uint32_t object)
{
	for (uint32_t i = 0; i < scope->n; i++) {
		if (scope->indices[i] == object)
			return i;
	}
	return NO_INDEX;
}

/* Object that the name leads to. NO_INDEX: none, or one outside the scope. */
static int look_up(struct flat *flat, const struct dependency *dependency, const char *asked,
		   uint32_t *index, struct matr_error *err)
{
	const struct scope *scope = flat->scope;
	struct searcher searcher = {flat->entries, dependency->requester,
				    flat->scope->library_path};
	struct matr_error ignored = {0};
	struct found found = {.object = NO_INDEX};

	*index = scope_names_find(&flat->names, asked);
	if (*index != NO_INDEX)
		return 0;
	if (scope->interpreter < scope->n && dependency->object == scope->interpreter) {
		*index = scope->interpreter; /* by PT_INTERP */
		return 0;
	}
	if (search_library(flat->session, &searcher, asked, &found, &ignored) < 0)
		return ignored.code == MATR_ERROR_RESOURCES ? matr_error_copy(err, &ignored) : 0;
	free(found.path);
	*index = with_object(scope, found.object);
	return *index == NO_INDEX ? 0 : scope_names_add_copy(&flat->names, asked, *index, err);
}

static int check(struct flat *flat, const struct dependency *dependency, struct matr_error *err)
{
	const struct matr_scope_entry *requester = &flat->scope->entries[dependency->requester];
	const char *name = requester->object->needed[dependency->needed], *asked = name;
	struct searcher searcher = {flat->entries, dependency->requester,
				    flat->scope->library_path};
	char expanded[PATH_MAX];
	uint32_t index, flags = 0;

	if (strchr(name, '$')) {
		if (search_expand(flat->session, &searcher, name, expanded, &flags, err) < 0)
			return -1;
		asked = expanded;
	}
	if (look_up(flat, dependency, asked, &index, err) < 0)
		return -1;
	if (index == dependency->object)
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, requester->path, "needs %s, which %s", name,
			 index == NO_INDEX ? "is only found through the run path of what loaded it"
					   : "is the name of another object of the scope as well");
}

/* ---- later loads ---- */

static bool may_load(const struct matr_object *object)
{
	if (object->soname && !strcmp(object->soname, "libc.so.6")) /* NSS, iconv, libgcc_s */
		return true;
	for (size_t i = 0; i < object->n_symbols; i++) {
		const struct matr_symbol *symbol = &object->symbols[i];
		if (symbol->section == SHN_UNDEF &&
		    (!strcmp(symbol->name, "dlopen") || !strcmp(symbol->name, "dlmopen")))
			return true;
	}
	return false;
}

/* dlopen() called by a library without DT_RUNPATH searches the DT_RPATH of what loaded it, and so
 * on. The application's counts in either case. */
static int check_loading(const struct scope *scope, uint32_t index, struct matr_error *err)
{
	const struct matr_scope_entry *entry = &scope->entries[index];

	if (entry->object->runpath)
		return 0;
	for (uint32_t i = entry->loaded_by; i; i = scope->entries[i].loaded_by) {
		if (scope->entries[i].object->rpath && may_load(entry->object))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, entry->path,
					 "may call dlopen(), which would search the DT_RPATH of %s",
					 scope->entries[i].path);
	}
	return 0;
}

int scope_check_flat(struct matr_session *session, const struct scope *scope,
		     struct matr_error *err)
{
	struct flat flat = {.session = session, .scope = scope};
	int result = 0;

	flat.entries = malloc(scope->n * sizeof *flat.entries);
	if (!flat.entries)
		return matr_fail_memory(err);
	memcpy(flat.entries, scope->entries, scope->n * sizeof *flat.entries);
	for (size_t i = 0; i < scope->n; i++)
		flat.entries[i].loaded_by = 0;
	result = know(&flat, err);
	/* By requester: the application's names come first, as they do for ld.so. */
	for (size_t i = 0; i < scope->n_dependencies && !result; i++)
		result = check(&flat, &scope->dependencies[i], err);
	for (uint32_t i = 1; i < scope->n && !result; i++)
		result = check_loading(scope, i, err);
	scope_names_free(&flat.names);
	free(flat.entries);
	return result;
}
