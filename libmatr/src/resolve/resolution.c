/* resolution.c - every binding of one application, and of what it loads.
 *
 * Walks the relocations of every object of the scope. An object's reference is looked up once per
 * application and class, however many relocations share it.
 */
#include "resolve/resolution.h"

#include <elf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/glibc_rules.h"
#include "resolve/lookup.h"
#include "resolve/refused.h"
#include "resolve/relocation_order.h"
#include "resolve/scope_directories.h"

static int bind_object(struct lookup *lookup, const struct relocating *relocating, uint32_t index,
		       struct matr_binding *bindings, struct matr_error *err)
{
	const struct matr_object *object = lookup->scope->entries[index].object;
	const struct matr_binding unknown = {MATR_PROVIDER_NONE, 0};
	struct matr_binding *known =
		malloc((object->n_symbols * LOOKUP_CLASSES + 1) * sizeof *known);
	int result = 0;

	if (!known)
		return matr_fail_memory(err);
	for (size_t i = 0; i < object->n_symbols * LOOKUP_CLASSES; i++)
		known[i] = unknown;
	/* The dynamic linker relocates itself, before and apart from all others. */
	if (index == lookup->scope->interpreter) {
		for (size_t i = 0; i < object->n_relocations; i++)
			bindings[i] = unknown;
		free(known);
		return 0;
	}
	for (size_t i = 0; i < object->n_relocations && !result; i++) {
		const struct matr_relocation *relocation = &object->relocations[i];
		if (!relocation->symbol || relocation->type == R_X86_64_NONE) {
			bindings[i] = unknown;
			continue;
		}
		enum lookup_class class = lookup_class_of(relocation->type);
		struct matr_binding *slot = &known[relocation->symbol * LOOKUP_CLASSES + class];
		if (slot->provider == MATR_PROVIDER_NONE &&
		    lookup_symbol(lookup, index, relocation->symbol, class, slot, err) < 0) {
			result = -1;
			break;
		}
		bindings[i] = *slot;
		result = refused_binding(relocating, index, relocation, slot, err);
	}
	free(known);
	return result;
}

static int bind_in_order(struct lookup *lookup, const uint32_t *order, uint32_t first,
			 bool *relocated, bool undefined_passes, struct matr_mapping *mapping,
			 struct matr_error *err)
{
	const struct scope *scope = lookup->scope;
	const struct relocating relocating = {scope, relocated, undefined_passes};

	for (size_t n = 0; n < scope->n; n++) {
		uint32_t i = order[n];
		if (i < first)
			continue;
		mapping->objects[i].bindings = calloc(scope->entries[i].object->n_relocations + 1,
						      sizeof *mapping->objects[i].bindings);
		if (!mapping->objects[i].bindings)
			return matr_fail_memory(err);
		if (bind_object(lookup, &relocating, i, mapping->objects[i].bindings, err) != 0)
			return -1;
		relocated[i] = true;
	}
	return 0;
}

/* List what is relocated before the objects from scope index `first` on. NULL: no memory. */
static bool *relocated_before(const struct matr_session *session, const struct scope *scope,
			      uint32_t first, struct matr_error *err)
{
	bool early_libc = glibc_has(session->system.glibc, GLIBC_RELOCATES_LIBC_FIRST);
	bool *relocated = calloc(scope->n + 1, sizeof *relocated);

	if (!relocated) {
		matr_fail_memory(err);
		return NULL;
	}
	for (uint32_t i = 0; i < scope->n; i++) {
		const char *soname = scope->entries[i].object->soname;
		relocated[i] = i < first || i == scope->interpreter ||
			       (early_libc && soname && strcmp(soname, "libc.so.6") == 0);
	}
	return relocated;
}

/* Bind the objects from scope index `first` on, in ld.so's order. */
static int bind_scope(const struct matr_session *session, const struct scope *scope, uint32_t first,
		      struct matr_mapping *mapping, struct matr_error *err)
{
	uint32_t *order = scope_relocation_order(scope, err);
	bool *relocated = order ? relocated_before(session, scope, first, err) : NULL;
	int result = -1;

	if (relocated) {
		struct lookup lookup;
		result = lookup_open(&lookup, &session->index, scope, err);
		lookup.stops_at_lost_versions =
			glibc_has(session->system.glibc, GLIBC_STOPS_AT_LOST_VERSIONS);
		if (!result)
			result = bind_in_order(&lookup, order, first, relocated,
					       first > 0 || session->incomplete, mapping, err);
		lookup_close(&lookup);
	}
	free(relocated);
	free(order);
	return result;
}

static int check_application(const struct matr_object *application, const char *path,
			     struct matr_error *err)
{
	if (!application->n_dynamic)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path, "is not dynamically linked");
	if (!application->interpreter)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
				 "is not a dynamically linked program: it has no PT_INTERP");
	/* ld.so takes no notice of a library's. */
	for (size_t i = 0; i < application->n_dynamic; i++) {
		int64_t tag = application->dynamic[i].tag;
		if (tag == DT_AUDIT || tag == DT_DEPAUDIT)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
					 "has an auditor of its own (%s)",
					 tag == DT_AUDIT ? "DT_AUDIT" : "DT_DEPAUDIT");
	}
	return 0;
}

void resolution_free(struct resolution *resolution)
{
	scope_free(&resolution->scope);
	for (size_t i = 0; i < resolution->n_directories; i++)
		free(resolution->directories[i].path);
	free(resolution->directories);
	free(resolution->library_path);
	*resolution = (struct resolution){.directories = NULL};
}

int resolution_make(struct matr_session *session, const char *path,
		    const struct scope_options *options, struct resolution *out,
		    struct matr_error *err)
{
	const char *root = options->root;
	struct scope_options own = *options;
	const struct known_path *known;
	char canonical[PATH_MAX];

	*out = (struct resolution){.directories = NULL};
	const struct matr_object *application = session_open_object(session, path, err);
	if (!application || check_application(application, path, err) < 0 ||
	    session_path(session, path, &known, err) < 0)
		return -1;
	if (root && root[0] != '/')
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, root,
				 "depends on the working directory");
	if (options->library_path) {
		own.library_path = out->library_path = strdup(options->library_path);
		if (!out->library_path)
			return matr_fail_memory(err);
	}
	/* A program with several names (hard links) may have been read under another. */
	if (!realpath(path, canonical))
		return matr_fail_errno(err, path, "cannot be resolved");
	if (scope_make_closure(session, known->object, canonical, &own, &out->scope, &out->n_start,
			       err) < 0)
		return -1;
	out->first = root ? out->n_start : 0;
	return scope_directories(&out->scope, root ? out->n_start : 1, &out->directories,
				 &out->n_directories, err);
}

int resolution_bind(const struct matr_session *session, struct resolution *resolution,
		    struct matr_mapping **out, struct matr_error *err)
{
	struct scope *scope = &resolution->scope;
	struct matr_mapping *mapping = calloc(1, sizeof *mapping);

	if (!mapping)
		return matr_fail_memory(err);
	int result = refused_scope(session, scope, resolution->first, err);
	mapping->objects = calloc(scope->n + 1, sizeof *mapping->objects);
	if (!result && !mapping->objects)
		result = matr_fail_memory(err);
	if (!result)
		result = bind_scope(session, scope, resolution->first, mapping, err);
	/* Move the resolution's arrays to the mapping. */
	mapping->scope = scope->entries;
	mapping->n_scope = scope->n;
	mapping->interpreter = scope->interpreter;
	mapping->flags = scope->flags;
	mapping->directories = resolution->directories;
	mapping->n_directories = resolution->n_directories;
	mapping->library_path = resolution->library_path;
	scope->entries = NULL;
	scope->n = 0;
	resolution->directories = NULL;
	resolution->n_directories = 0;
	resolution->library_path = NULL;
	if (result) {
		matr_mapping_free(mapping);
		return -1;
	}
	*out = mapping;
	return 0;
}

int matr_resolve_with(struct matr_session *session, const char *path, const char *library_path,
		      struct matr_mapping **out, struct matr_error *err)
{
	const struct scope_options options = {.library_path = library_path};
	struct resolution resolution;

	int result = resolution_make(session, path, &options, &resolution, err);
	if (!result)
		result = resolution_bind(session, &resolution, out, err);
	resolution_free(&resolution);
	return result;
}

int matr_resolve(struct matr_session *session, const char *path, struct matr_mapping **out,
		 struct matr_error *err)
{
	return matr_resolve_with(session, path, NULL, out, err);
}
