/* inspect_relocations.c - rows: every relocation, or every distinct binding. */
#include "common/path.h"
#include "matr/query/inspect.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct matr_symbol *reference_of(const struct matr_object *object,
					      const struct matr_relocation *relocation)
{
	return relocation->symbol ? &object->symbols[relocation->symbol] : NULL;
}

static const char *version_of(const struct matr_object *object, const struct matr_symbol *symbol)
{
	const struct matr_version *version = matr_object_symbol_version(object, symbol);
	return version ? version->name : NULL;
}

static struct matr_binding binding_of(const struct matr_mapping *mapping, size_t object,
				      size_t relocation)
{
	const struct matr_binding *bindings = mapping->objects[object].bindings;
	return bindings ? bindings[relocation]
			: (struct matr_binding){.provider = MATR_PROVIDER_NONE};
}

/* ---- filters ---- */

static bool glob_matches(const char *glob, const char *text)
{
	return text && fnmatch(glob, text, 0) == 0;
}

static bool object_matches(const char *glob, const struct matr_mapping *mapping, size_t index)
{
	const char *path = recorded_path(mapping, index);

	return glob_matches(glob, path) || glob_matches(glob, path_name(path)) ||
	       glob_matches(glob, mapping->scope[index].object->soname);
}

static bool symbol_matches(const char *glob, const struct matr_object *object,
			   const struct matr_symbol *symbol)
{
	char full[4096];

	if (!symbol)
		return false;
	if (!strchr(glob, '@'))
		return glob_matches(glob, symbol->name);
	const char *version = version_of(object, symbol);
	snprintf(full, sizeof full, "%s@%s", symbol->name, version ? version : "");
	return glob_matches(glob, full);
}

static bool passes_filter(const struct matr_mapping *mapping, size_t object, size_t relocation,
			  const struct inspect_filter *filter)
{
	const struct matr_object *requester = mapping->scope[object].object;
	const struct matr_symbol *symbol =
		reference_of(requester, &requester->relocations[relocation]);
	uint32_t provider = binding_of(mapping, object, relocation).provider;

	if (filter->requester && !object_matches(filter->requester, mapping, object))
		return false;
	if (filter->symbol && !symbol_matches(filter->symbol, requester, symbol))
		return false;
	return !filter->provider ||
	       (provider < mapping->n_scope && object_matches(filter->provider, mapping, provider));
}

/* ---- every relocation ---- */

/* Kind of a reference's binding. */
static const char *kind_of(const struct matr_symbol *symbol, uint32_t provider)
{
	switch (provider) {
	case MATR_PROVIDER_NONE:
		return "none";
	case MATR_PROVIDER_WEAK_NULL:
		return "null";
	case MATR_PROVIDER_UNDEFINED:
		return "undefined";
	default:
		return symbol && matr_symbol_is_looked_up(symbol) ? "bound" : "local";
	}
}

/* The binding of ld.so, where an edit has changed it. */
static const char *original_of(const struct recorded *recorded, size_t object, size_t relocation)
{
	const struct matr_edited_binding *edited = recorded_edit(recorded, object, relocation);

	if (!edited)
		return NULL;
	return edited->original.provider < recorded->mapping->n_scope
		       ? recorded_path(recorded->mapping, edited->original.provider)
		       : "(undefined)";
}

int inspect_relocations(const struct recorded *recorded, const struct matr_applied_mapping *applied,
			const struct inspect_filter *filter, enum output_format format,
			struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"requester", COLUMN_LEFT}, {"symbol", COLUMN_LEFT},  {"version", COLUMN_LEFT},
		{"provider", COLUMN_LEFT},  {"binding", COLUMN_LEFT}, {"type", COLUMN_LEFT},
		{"offset", COLUMN_RIGHT},   {"addend", COLUMN_RIGHT}, {"applied", COLUMN_LEFT},
		{"original", COLUMN_LEFT},
	};
	/* The edit's column is of interest only if there is an edit. */
	size_t n_columns = sizeof columns / sizeof *columns;
	if (format == FORMAT_TABLE && !recorded->n_edited)
		n_columns--;
	const struct matr_mapping *mapping = recorded->mapping;
	struct output output;
	char buffer[32];

	output_open(&output, format, columns, n_columns);
	for (size_t i = recorded->first; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t n = 0; n < object->n_relocations; n++) {
			const struct matr_relocation *relocation = &object->relocations[n];
			const struct matr_symbol *symbol = reference_of(object, relocation);
			uint32_t provider = binding_of(mapping, i, n).provider;
			if (!passes_filter(mapping, i, n, filter))
				continue;
			output_text(&output, recorded_path(mapping, i));
			output_text(&output, symbol ? symbol->name : NULL);
			output_text(&output, symbol ? version_of(object, symbol) : NULL);
			output_text(&output, provider < mapping->n_scope
						     ? recorded_path(mapping, provider)
						     : NULL);
			output_text(&output, kind_of(symbol, provider));
			output_text(&output, relocation_name(relocation->type, buffer));
			output_hex(&output, relocation->offset);
			output_number(&output, relocation->addend);
			output_text(&output,
				    matr_applied_name(
					    (enum matr_applied)applied->objects[i].relocations[n]));
			if (n_columns == sizeof columns / sizeof *columns)
				output_text(&output, original_of(recorded, i, n));
		}
	}
	return output_close(&output, err);
}

/* ---- every binding ---- */

struct binding { /* as strings, so that sorting is in the order of sort(1) in the C locale */
	const char *fields[4];
};

static int compare_bindings(const void *left, const void *right)
{
	const struct binding *a = left, *b = right;

	for (int i = 0; i < 4; i++) {
		/* A tab, which no field has, ends each field: it sorts before what could follow. */
		int order = strcmp(a->fields[i], b->fields[i]);
		if (order != 0)
			return order;
	}
	return 0;
}

/* All bindings, each as often as it occurs. *out is malloc'ed. */
static int collect(const struct matr_mapping *mapping, const struct inspect_filter *filter,
		   struct binding **out, size_t *n_out, struct matr_error *err)
{
	size_t room = 1, count = 0;

	for (size_t i = 0; i < mapping->n_scope; i++)
		room += mapping->scope[i].object->n_relocations;
	struct binding *list = calloc(room, sizeof *list);
	if (!list)
		return matr_fail_memory(err);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t n = 0; n < object->n_relocations; n++) {
			const struct matr_symbol *symbol =
				reference_of(object, &object->relocations[n]);
			uint32_t provider = binding_of(mapping, i, n).provider;
			if (!symbol || !matr_symbol_is_looked_up(symbol) ||
			    provider >= mapping->n_scope || !passes_filter(mapping, i, n, filter))
				continue;
			const char *version = version_of(object, symbol);
			list[count++] = (struct binding){{
				recorded_path(mapping, i),
				symbol->name,
				version ? version : "",
				recorded_path(mapping, provider),
			}};
		}
	}
	qsort(list, count, sizeof *list, compare_bindings);
	*out = list;
	*n_out = count;
	return 0;
}

int inspect_bindings(const struct recorded *recorded, const struct inspect_filter *filter,
		     enum output_format format, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"requester", COLUMN_LEFT},
		{"symbol", COLUMN_LEFT},
		{"version", COLUMN_LEFT},
		{"provider", COLUMN_LEFT},
	};
	struct binding *list = NULL;
	struct output output;
	size_t n = 0;

	if (collect(recorded->mapping, filter, &list, &n, err) != 0)
		return -1;
	if (format != FORMAT_TABLE)
		output_open(&output, format, columns, 4);
	for (size_t i = 0; i < n; i++) {
		const char *const *fields = list[i].fields;
		if (i > 0 && compare_bindings(&list[i - 1], &list[i]) == 0)
			continue;
		if (format == FORMAT_TABLE)
			safe_printf("%s\t%s\t%s\t%s\n", fields[0], fields[1], fields[2], fields[3]);
		for (int field = 0; field < 4 && format != FORMAT_TABLE; field++)
			output_text(&output, fields[field]);
	}
	free(list);
	return format == FORMAT_TABLE ? output_flush(err) : output_close(&output, err);
}
