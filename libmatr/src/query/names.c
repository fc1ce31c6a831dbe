/* names.c - what people call symbols, objects and programs (matr/names.h). */
#include "query/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/mapping.h>
#include <matr/nearest.h>
#include <matr/store.h>

#include "base/path.h"

/* ---- symbols ---- */

int matr_symbol_name_parse(const char *text, struct matr_symbol_name *out, struct matr_error *err)
{
	size_t length = strcspn(text, "@");
	const char *version = text + length;

	*out = (struct matr_symbol_name){.any_version = !*version};
	if (!length)
		return matr_fail(err, MATR_ERROR_USAGE, text, "is not the name of a symbol");
	version += *version == '@';
	version += *version == '@';
	out->name = strndup(text, length);
	out->version = *version ? strdup(version) : NULL;
	if (out->name && (out->version || !*version))
		return 0;
	matr_symbol_name_free(out);
	return matr_fail_memory(err);
}

void matr_symbol_name_free(struct matr_symbol_name *name)
{
	free(name->name);
	free(name->version);
	*name = (struct matr_symbol_name){.name = NULL};
}

bool query_symbol_name_is(const struct matr_symbol_name *wanted, const char *name,
			  const char *version)
{
	if (strcmp(wanted->name, name) != 0)
		return false;
	if (wanted->any_version)
		return true;
	return wanted->version && version ? strcmp(wanted->version, version) == 0
					  : !wanted->version && !version;
}

bool matr_symbol_name_matches(const struct matr_symbol_name *wanted,
			      const struct matr_object *object, const struct matr_symbol *symbol)
{
	if (strcmp(wanted->name, symbol->name) != 0)
		return false;
	const struct matr_version *version = matr_object_symbol_version(object, symbol);
	return query_symbol_name_is(wanted, symbol->name, version ? version->name : NULL);
}

int matr_mapping_no_symbol(const struct matr_mapping *mapping,
			   const struct matr_symbol_name *wanted, struct matr_error *err)
{
	struct matr_nearest nearest = {.wanted = wanted->name};
	char versions[256] = "";
	size_t length = 0;
	bool there = false;

	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t n = 1; n < object->n_symbols; n++) {
			const struct matr_symbol *symbol = &object->symbols[n];
			if (strcmp(symbol->name, wanted->name) != 0) {
				matr_nearest_offer(&nearest, symbol->name, NULL);
				continue;
			}
			there = true;
			const struct matr_version *version =
				matr_object_symbol_version(object, symbol);
			if (!version || strstr(versions, version->name) ||
			    length + strlen(version->name) + 3 > sizeof versions)
				continue;
			length += (size_t)sprintf(versions + length, "%s%s", length ? ", " : "",
						  version->name);
		}
	}
	if (!there)
		return matr_nearest_fail(&nearest, err, "no object of %s has such a symbol",
					 mapping->scope[0].path);
	matr_nearest_free(&nearest);
	return matr_fail(err, MATR_ERROR_NOT_FOUND, wanted->name,
			 "no object of %s has it with version %s; with %s", mapping->scope[0].path,
			 wanted->version ? wanted->version : "none",
			 length ? versions : "no version");
}

/* ---- objects ---- */

bool matr_object_is_called(const struct matr_object *object, const char *path, const char *name)
{
	if (strcmp(object->path, name) == 0 || (path && strcmp(path, name) == 0))
		return true;
	if (strchr(name, '/'))
		return false;
	return (object->soname && strcmp(object->soname, name) == 0) ||
	       strcmp(path_name(object->path), name) == 0 ||
	       (path && strcmp(path_name(path), name) == 0);
}

int matr_mapping_find_object(const struct matr_mapping *mapping, const char *name, uint32_t *index,
			     struct matr_error *err)
{
	struct matr_nearest nearest = {.wanted = name};
	uint32_t found = UINT32_MAX;

	for (uint32_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		if (!matr_object_is_called(entry->object, entry->path, name))
			continue;
		if (found != UINT32_MAX)
			return matr_fail(err, MATR_ERROR_USAGE, name,
					 "could be %s or %s: name it by its path",
					 mapping->scope[found].path, entry->path);
		found = i;
	}
	if (found != UINT32_MAX) {
		*index = found;
		return 0;
	}
	for (uint32_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		const char *shown = object->soname ? object->soname : mapping->scope[i].path;
		matr_nearest_offer(&nearest, shown, shown);
		matr_nearest_offer(&nearest, path_name(mapping->scope[i].path), shown);
	}
	return matr_nearest_fail(&nearest, err, "no such object in the scope of %s",
				 mapping->scope[0].path);
}

/* ---- programs ---- */

/* Does another of them have the same last part? Then that alone would not do. */
static bool is_ambiguous(const struct matr_store_application *applications, size_t n, size_t i)
{
	const char *part = path_name(applications[i].path);

	for (size_t k = 0; k < n; k++)
		if (k != i && strcmp(path_name(applications[k].path), part) == 0)
			return true;
	return false;
}

static int no_program(int64_t epoch, const char *name,
		      const struct matr_store_application *applications, size_t n,
		      struct matr_error *err)
{
	bool is_path = strchr(name, '/') != NULL;
	struct matr_nearest nearest = {.wanted = path_name(name)};

	for (size_t i = 0; i < n; i++) {
		const char *part = path_name(applications[i].path);
		bool by_path = is_path || is_ambiguous(applications, n, i);
		matr_nearest_offer(&nearest, part, by_path ? applications[i].path : part);
	}
	matr_nearest_fail(&nearest, err, "no such program in epoch %lld", (long long)epoch);
	snprintf(err->file, sizeof err->file, "%s", name);
	return -1;
}

/* Those of that last part. 1: one, 0: none, -1: several, or an error. */
static int find_by_last_part(const struct matr_store_application *applications, size_t n,
			     const char *name, int64_t *application, struct matr_error *err)
{
	size_t found = n;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(path_name(applications[i].path), name) != 0)
			continue;
		if (found < n)
			return matr_fail(err, MATR_ERROR_USAGE, name,
					 "could be %s or %s: name it by its path",
					 applications[found].path, applications[i].path);
		found = i;
	}
	if (found == n)
		return 0;
	*application = applications[found].id;
	return 1;
}

int matr_store_find_by_name(struct matr_store *store, int64_t epoch, const char *name,
			    int64_t *application, struct matr_error *err)
{
	struct matr_store_application *applications;
	struct matr_error own = {0};
	size_t n;

	if (strchr(name, '/')) {
		if (matr_store_find(store, epoch, name, application, &own) == 0)
			return 0;
		/* Declined, or something worse than not being there. */
		if (own.code != MATR_ERROR_NOT_FOUND || strncmp(own.message, "declined", 8) == 0)
			return matr_error_copy(err, &own);
	}
	if (matr_store_applications(store, epoch, &applications, &n, err) != 0)
		return -1;
	int found =
		strchr(name, '/') ? 0 : find_by_last_part(applications, n, name, application, err);
	if (found == 0)
		found = no_program(epoch, name, applications, n, err);
	matr_store_applications_free(applications, n);
	return found < 0 ? -1 : 0;
}
