/* nearest.c - names given to `matr trace` that match nothing: an error, with the nearest ones. */
#include "common/path.h"
#include "matr/trace/trace.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include <matr/names.h>
#include <matr/nearest.h>

static const char pattern_characters[] = "*?[";

bool trace_object_matches(const char *glob, const struct matr_scope_entry *entry)
{
	const char *names[] = {entry->object->path, path_name(entry->object->path), entry->path,
			       path_name(entry->path), entry->object->soname};

	for (size_t i = 0; glob && i < sizeof names / sizeof *names; i++)
		if (names[i] && fnmatch(glob, names[i], 0) == 0)
			return true;
	return !glob;
}

/* The literal part of a pattern, for suggestions. */
static void literal_part(const char *pattern, char *out, size_t size)
{
	size_t n = 0;

	for (; *pattern && *pattern != '@' && n + 1 < size; pattern++)
		if (!strchr("*?[]!^-\\", *pattern))
			out[n++] = *pattern;
	out[n] = 0;
}

static bool is_there(const struct matr_mapping *mapping, const struct matr_symbol_name *name)
{
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t n = 1; n < object->n_symbols; n++)
			if (matr_symbol_name_matches(name, object, &object->symbols[n]))
				return true;
	}
	return false;
}

/* Fail for a name: no object has it, or none binds a function of that name. */
static int no_name(const struct matr_mapping *mapping, const char *symbol, struct matr_error *err)
{
	struct matr_symbol_name name;

	if (matr_symbol_name_parse(symbol, &name, err) != 0)
		return -1;
	if (is_there(mapping, &name))
		matr_fail(err, MATR_ERROR_NOT_FOUND, symbol,
			  "no object of %s binds a function of that name through a relocation",
			  mapping->scope[0].path);
	else
		matr_mapping_no_symbol(mapping, &name, err);
	matr_symbol_name_free(&name);
	return -1;
}

static int no_pattern(const struct matr_mapping *mapping, const char *pattern,
		      struct matr_error *err)
{
	char literal[256];
	struct matr_nearest nearest = {.wanted = literal};

	literal_part(pattern, literal, sizeof literal);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t n = 1; *literal && n < object->n_symbols; n++)
			if (matr_symbol_is_looked_up(&object->symbols[n]))
				matr_nearest_offer(&nearest, object->symbols[n].name, NULL);
	}
	matr_nearest_fail(&nearest, err, "no object of %s binds a function that matches",
			  mapping->scope[0].path);
	snprintf(err->file, sizeof err->file, "%s", pattern);
	return -1;
}

static int check_object(const struct matr_mapping *mapping, const char *glob,
			struct matr_error *err)
{
	char literal[256];
	uint32_t index;

	if (!glob)
		return 0;
	for (size_t i = 0; i < mapping->n_scope; i++)
		if (trace_object_matches(glob, &mapping->scope[i]))
			return 0;
	snprintf(literal, sizeof literal, "%s", glob);
	if (strpbrk(glob, pattern_characters))
		literal_part(path_name(glob), literal, sizeof literal);
	if (matr_mapping_find_object(mapping, literal, &index, err) == 0)
		matr_fail(err, MATR_ERROR_NOT_FOUND, glob, "no such object in the scope of %s",
			  mapping->scope[0].path);
	snprintf(err->file, sizeof err->file, "%s", glob);
	return -1;
}

int trace_check_names(const struct trace_run *run, const struct matr_mapping *mapping,
		      struct matr_error *err)
{
	for (size_t i = 0; i < run->symbols.n; i++) {
		if (run->matched[i])
			continue;
		return strpbrk(run->symbols.list[i], pattern_characters)
			       ? no_pattern(mapping, run->symbols.list[i], err)
			       : no_name(mapping, run->symbols.list[i], err);
	}
	if (check_object(mapping, run->requester, err) != 0)
		return -1;
	return check_object(mapping, run->provider, err);
}
