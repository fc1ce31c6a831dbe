/* resolution.c - every binding of one application, and of what it loads.
 *
 * Walks the relocations of every object of the scope. An object's reference is looked up once per application
 * and class, however many relocations share it.
 */
#include "resolve/resolution.h"

#include <elf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/glibc_rules.h"
#include "resolve/lookup.h"
#include "resolve/relocation_order.h"
#include "resolve/scope_directories.h"

/* What ld.so would refuse to start the program for. */
static int check_undefined(const struct scope *scope, uint32_t index,
			   const struct matr_relocation *relocation, struct matr_error *err)
{
	const struct matr_object *object = scope->entries[index].object;

	if (relocation->type == R_X86_64_JUMP_SLOT && relocation->table == MATR_TABLE_JMPREL &&
	    !(object->flags & MATR_OBJECT_BIND_NOW))
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
			 "undefined symbol %s in %s", object->symbols[relocation->symbol].name,
			 object->path);
}

/* later: of a closure. Another that is loaded before may define what is undefined here; ld.so looks. */
static int bind_object(struct lookup *lookup, uint32_t index, bool later,
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
		if (!relocation->symbol) {
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
		if (slot->provider == MATR_PROVIDER_UNDEFINED && !later)
			result = check_undefined(lookup->scope, index, relocation, err);
	}
	free(known);
	return result;
}

/* ---- versions that an object asks for and nobody has ---- */

static bool defines_version(const struct matr_object *object, const struct matr_version *wanted)
{
	bool any = false;

	for (size_t i = 0; i < object->n_versions; i++) {
		const struct matr_version *own = &object->versions[i];
		if (!own->name || !own->defined)
			continue;
		any = true;
		if (own->hash == wanted->hash && !strcmp(own->name, wanted->name))
			return true;
	}
	return !any; /* a library without versions only gets a warning from ld.so */
}

/* An object with DT_RELR must say by a version that it knows its libc to be new enough, where it asks libc for any. */
static int check_relr(const struct scope *scope, const struct matr_object *object,
		      struct matr_error *err)
{
	bool libc = false;

	for (size_t i = 0; i < object->n_versions; i++) {
		const struct matr_version *wanted = &object->versions[i];
		if (!wanted->name || wanted->defined || !wanted->file ||
		    strncmp(wanted->file, "libc.so.", 8) != 0)
			continue;
		if (!strcmp(wanted->name, "GLIBC_ABI_DT_RELR"))
			return 0;
		libc = true;
	}
	if (!libc)
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
			 "%s has DT_RELR without asking for the version GLIBC_ABI_DT_RELR",
			 object->path);
}

static int check_versions(const struct matr_session *session, const struct scope *scope,
			  struct matr_error *err)
{
	bool relr = glibc_has(session->system.glibc, GLIBC_RELR_NEEDS_VERSION);

	for (size_t i = 0; i < scope->n; i++) {
		const struct matr_object *object = scope->entries[i].object;
		if (relr && object->n_relr && check_relr(scope, object, err) < 0)
			return -1;
		for (size_t n = 0; n < object->n_versions; n++) {
			const struct matr_version *wanted = &object->versions[n];
			if (!wanted->name || wanted->defined || wanted->weak || !wanted->file)
				continue;
			uint32_t provider = scope_names_find(&scope->names, wanted->file);
			if (provider != NO_INDEX &&
			    !defines_version(scope->entries[provider].object, wanted))
				return matr_fail(err, MATR_ERROR_UNSUPPORTED,
						 scope->entries[0].path,
						 "version %s of %s is not found (needed by %s)",
						 wanted->name, wanted->file, object->path);
		}
	}
	return 0;
}

/* Bind the objects from scope index `first` on, in ld.so's order. */
static int bind_scope(const struct matr_session *session, const struct scope *scope, uint32_t first,
		      struct matr_mapping *mapping, struct matr_error *err)
{
	uint32_t *order = scope_relocation_order(scope, err);
	struct lookup lookup;

	if (!order)
		return -1;
	int result = lookup_open(&lookup, &session->index, scope, err);
	lookup.stops_at_lost_versions =
		glibc_has(session->system.glibc, GLIBC_STOPS_AT_LOST_VERSIONS);
	for (size_t n = 0; n < scope->n && !result; n++) {
		uint32_t i = order[n];
		const struct matr_object *object = scope->entries[i].object;
		if (i < first)
			continue;
		mapping->objects[i].bindings =
			calloc(object->n_relocations + 1, sizeof *mapping->objects[i].bindings);
		result = mapping->objects[i].bindings
				 ? bind_object(&lookup, i, first > 0, mapping->objects[i].bindings,
					       err)
				 : matr_fail_memory(err);
	}
	lookup_close(&lookup);
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
				 "is not an application: it has no PT_INTERP");
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
		    const struct scope_options *wish, struct resolution *out,
		    struct matr_error *err)
{
	const char *root = wish->root;
	struct scope_options own = *wish;
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
	if (wish->library_path) {
		own.library_path = out->library_path = strdup(wish->library_path);
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
	int result = check_versions(session, scope, err);
	mapping->objects = calloc(scope->n + 1, sizeof *mapping->objects);
	if (!result && !mapping->objects)
		result = matr_fail_memory(err);
	if (!result)
		result = bind_scope(session, scope, resolution->first, mapping, err);
	/* What the resolution has becomes the mapping's. */
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

int matr_resolve(struct matr_session *session, const char *path, struct matr_mapping **out,
		 struct matr_error *err)
{
	const struct scope_options wish = {.root = NULL};
	struct resolution resolution;

	int result = resolution_make(session, path, &wish, &resolution, err);
	if (!result)
		result = resolution_bind(session, &resolution, out, err);
	resolution_free(&resolution);
	return result;
}
