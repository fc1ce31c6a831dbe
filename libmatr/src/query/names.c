/* names.c - what people call symbols, objects and programs (matr/names.h). */
#include "query/names.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/mapping.h>
#include <matr/nearest.h>
#include <matr/store.h>

#include "base/demangle.h"
#include "base/path.h"
#include "query/package_files.h"

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
	free(name->literal);
	*name = (struct matr_symbol_name){.name = NULL};
}

bool matr_is_glob(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

char *matr_demangle(const char *name)
{
	return demangle(name);
}

/* Test whether the text can only be a name as people write it. */
static bool is_written(const char *text)
{
	return strstr(text, "::") || strpbrk(text, "(< ") != NULL;
}

static bool is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Mangled names have identifiers as they are, apart from a few of std. */
static bool is_abbreviated(const char *name, size_t length)
{
	static const char *const names[] = {
		"allocator",	  "basic_string", "string",  "basic_istream", "basic_ostream",
		"basic_iostream", "istream",	  "ostream", "iostream",      "std",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
			return true;
	return false;
}

/* The identifier that a written name ends with, before parameters: it is in the mangled name. */
static const char *last_identifier(const char *text, size_t *length)
{
	size_t end = strcspn(text, "(<"), start = end;

	if (strstr(text, "operator") || strpbrk(text, "{") || strstr(text, " for "))
		return NULL;
	while (start && is_letter(text[start - 1]))
		start--;
	*length = end - start;
	if (!*length || (start && !strchr(": ~", text[start - 1])) ||
	    is_abbreviated(text + start, *length))
		return NULL;
	return text + start;
}

/* The longest run of ordinary characters of a glob. */
static const char *longest_run(const char *glob, size_t *length)
{
	const char *longest = NULL;

	*length = 0;
	while (*glob && *glob != '[' && *glob != '\\') {
		size_t run = strcspn(glob, "*?[\\");
		if (run > *length) {
			longest = glob;
			*length = run;
		}
		glob += run + (glob[run] == '*' || glob[run] == '?');
	}
	return longest;
}

int matr_symbol_pattern_parse(const char *text, struct matr_symbol_name *out,
			      struct matr_error *err)
{
	size_t length;

	if (matr_symbol_name_parse(text, out, err) != 0)
		return -1;
	out->pattern = true;
	const char *literal = matr_is_glob(out->name) && !is_written(out->name)
				      ? longest_run(out->name, &length)
				      : last_identifier(out->name, &length);
	if (!literal)
		return 0;
	out->literal = strndup(literal, length);
	if (out->literal)
		return 0;
	matr_symbol_name_free(out);
	return matr_fail_memory(err);
}

static bool is_text(const struct matr_symbol_name *wanted, char *demangled)
{
	bool same = demangled &&
		    (strcmp(wanted->name, demangled) == 0 ||
		     (matr_is_glob(wanted->name) && fnmatch(wanted->name, demangled, 0) == 0));

	free(demangled);
	return same;
}

bool query_symbol_name_alone_is(const struct matr_symbol_name *wanted, const char *name)
{
	if (strcmp(wanted->name, name) == 0)
		return true;
	if (!wanted->pattern || (wanted->literal && !strstr(name, wanted->literal)))
		return false;
	if (matr_is_glob(wanted->name) && fnmatch(wanted->name, name, 0) == 0)
		return true;
	if (!is_mangled(name) || (matr_is_glob(wanted->name) && !is_written(wanted->name)))
		return false;
	return is_text(wanted, demangle(name)) || is_text(wanted, demangle_plain(name));
}

static bool version_is(const struct matr_symbol_name *wanted, const char *version)
{
	return wanted->version && version ? strcmp(wanted->version, version) == 0
					  : !wanted->version && !version;
}

bool query_symbol_name_is(const struct matr_symbol_name *wanted, const char *name,
			  const char *version)
{
	return query_symbol_name_alone_is(wanted, name) &&
	       (wanted->any_version || version_is(wanted, version));
}

bool matr_symbol_name_matches(const struct matr_symbol_name *wanted,
			      const struct matr_object *object, const struct matr_symbol *symbol)
{
	if (!query_symbol_name_alone_is(wanted, symbol->name))
		return false;
	if (wanted->any_version)
		return true;
	const struct matr_version *version = matr_object_symbol_version(object, symbol);
	return version_is(wanted, version ? version->name : NULL);
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
			if (!query_symbol_name_alone_is(wanted, symbol->name)) {
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

static bool glob_is(const char *glob, const char *path)
{
	return path && fnmatch(glob, strchr(glob, '/') ? path : path_name(path), 0) == 0;
}

bool matr_object_is_called(const struct matr_object *object, const char *path, const char *name)
{
	if (strcmp(object->path, name) == 0 || (path && strcmp(path, name) == 0))
		return true;
	if (matr_is_glob(name) &&
	    (glob_is(name, object->path) || glob_is(name, path) || glob_is(name, object->soname)))
		return true;
	if (strchr(name, '/'))
		return false;
	return (object->soname && strcmp(object->soname, name) == 0) ||
	       strcmp(path_name(object->path), name) == 0 ||
	       (path && strcmp(path_name(path), name) == 0);
}

/* The one object that is called so, or that the package has. UINT32_MAX: none; USAGE: several. */
static int find_one(const struct matr_mapping *mapping, const char *name,
		    const struct package_files *package, uint32_t *found, struct matr_error *err)
{
	*found = UINT32_MAX;
	for (uint32_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		if (package ? !package_files_have(package, entry->object->path)
			    : !matr_object_is_called(entry->object, entry->path, name))
			continue;
		if (*found != UINT32_MAX)
			return matr_fail(err, MATR_ERROR_USAGE, name,
					 "could be %s or %s: name it by its path",
					 mapping->scope[*found].path, entry->path);
		*found = i;
	}
	return 0;
}

int matr_mapping_find_object(const struct matr_mapping *mapping, const char *name, uint32_t *index,
			     struct matr_error *err)
{
	struct matr_nearest nearest = {.wanted = name};
	struct package_files *package = NULL;
	uint32_t found;

	int result = find_one(mapping, name, NULL, &found, err);
	if (result == 0 && found == UINT32_MAX)
		result = package_files_read(NULL, name, &package, err);
	if (result > 0)
		result = find_one(mapping, name, package, &found, err);
	package_files_free(package);
	if (result != 0)
		return -1;
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

/* Test whether the path of another application has the same last part. Then that part alone would
 * not do. */
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
	if (err)
		snprintf(err->file, sizeof err->file, "%s", name);
	return -1;
}

/* Find the application by its last component. Returns 1 if there is one, 0 if none, -1 if there are
 * several or on an error. */
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
