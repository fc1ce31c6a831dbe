/* load.c - an epoch as it goes into a database of many machines. */
#include "matr/export/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* ---- rows for COPY ---- */

static void add_escaped(struct text *row, const char *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t plain = 0;
		while (at + plain < size && bytes[at + plain] != '\\' &&
		       bytes[at + plain] != '\n' && bytes[at + plain] != '\r' &&
		       bytes[at + plain] != '\t')
			plain++;
		text_add(row, bytes + at, plain);
		at += plain;
		if (at < size) {
			char c = bytes[at++];
			const char escape[2] = {'\\', c == '\n'	  ? 'n'
						      : c == '\r' ? 'r'
						      : c == '\t' ? 't'
								  : '\\'};
			text_add(row, escape, 2);
		}
	}
}

void load_add_value(struct text *row, const struct export_value *value, bool first,
		    struct text *scratch)
{
	const char *bytes;
	size_t size;

	if (!first)
		text_add(row, "\t", 1);
	if (value->is_null) {
		text_add(row, "\\N", 2);
	} else if (!value->text) {
		text_printf(row, "%" PRId64, value->number);
	} else {
		export_portable(value, scratch, &bytes, &size);
		add_escaped(row, bytes, size);
	}
}

/* Values from one column to another, as one line of COPY without its end. */
static void add_values(struct load *load, struct text *row, const struct export_value *values,
		       int from, int to)
{
	for (int i = from; i < to; i++)
		load_add_value(row, &values[i], i == from, &load->scratch);
}

/* ---- rows of the source ---- */

static const struct export_value *column(enum export_table table, const struct export_value *values,
					 const char *name)
{
	return &values[export_column(table, name)];
}

static int copy(const struct export_value *value, char **out, struct load *load,
		struct matr_error *err)
{
	const char *bytes;
	size_t size;

	*out = NULL;
	if (value->is_null)
		return 0;
	if (!value->text)
		return asprintf(out, "%" PRId64, value->number) < 0 ? matr_fail_memory(err) : 0;
	export_portable(value, &load->scratch, &bytes, &size);
	*out = strndup(bytes, size);
	return *out ? 0 : matr_fail_memory(err);
}

static int take_export(struct load *load, const struct export_value *values, struct matr_error *err)
{
	const struct {
		const char *name;
		char **to;
	} wanted[] = {{"host", &load->host},	       {"begun", &load->begun},
		      {"ended", &load->ended},	       {"matr", &load->matr},
		      {"cpu_level", &load->cpu_level}, {"portable", &load->portable},
		      {"cause", &load->cause}};

	if (!column(EXPORT_EXPORT, values, "since")->is_null ||
	    !column(EXPORT_EXPORT, values, "tables")->is_null)
		return matr_fail(err, MATR_ERROR_STATE, load->name,
				 "has a part of an epoch only (--since, --tables); a whole one is "
				 "needed");
	load->epoch = values[EXPORT_EPOCH].number;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (copy(column(EXPORT_EXPORT, values, wanted[i].name), wanted[i].to, load, err) !=
		    0)
			return -1;
	return 0;
}

static int take_object(struct load *load, const struct export_value *values, struct matr_error *err)
{
	if (array_grow(&load->objects, load->n_objects, sizeof *load->objects, err) != 0)
		return -1;
	struct load_object *object = &load->objects[load->n_objects++];
	*object = (struct load_object){.id = column(EXPORT_OBJECTS, values, "id")->number};
	object->path = strdup(column(EXPORT_OBJECTS, values, "path")->text);
	add_values(load, &object->row, values, EXPORT_OWN + 1,
		   export_schemas[EXPORT_OBJECTS].n_columns);
	return object->path && !object->row.failed ? 0 : matr_fail_memory(err);
}

static int compare_ids(const void *left, const void *right)
{
	const int64_t *a = left, *b = right; /* the first member of what is searched */

	return (*a > *b) - (*a < *b);
}

struct load_object *load_find_object(const struct load *load, int64_t id)
{
	return load->n_objects ? bsearch(&id, load->objects, load->n_objects, sizeof *load->objects,
					 compare_ids)
			       : NULL;
}

static int take_application(struct load *load, const struct export_value *values,
			    struct matr_error *err)
{
	const struct export_value *edited = column(EXPORT_APPLICATIONS, values, "edited");

	if (array_grow(&load->applications, load->n_applications, sizeof *load->applications,
		       err) != 0)
		return -1;
	struct load_application *application = &load->applications[load->n_applications++];
	*application =
		(struct load_application){.id = column(EXPORT_APPLICATIONS, values, "id")->number};
	load_add_value(&application->row, column(EXPORT_APPLICATIONS, values, "path"), true,
		       &load->scratch);
	text_add_string(&application->row, edited->number ? "\tt" : "\tf");
	load_add_value(&application->row, column(EXPORT_APPLICATIONS, values, "library_path"),
		       false, &load->scratch);
	return application->row.failed ? matr_fail_memory(err) : 0;
}

/* load, position, object's path, rule, loaded_by */
static int take_scope(struct load *load, const struct export_value *values, struct matr_error *err)
{
	int64_t id = column(EXPORT_SCOPE, values, "application")->number;
	struct load_application *application =
		load->n_applications ? bsearch(&id, load->applications, load->n_applications,
					       sizeof *load->applications, compare_ids)
				     : NULL;
	const struct load_object *object =
		load_find_object(load, column(EXPORT_SCOPE, values, "object")->number);
	if (!application || !object)
		return matr_fail(err, MATR_ERROR_MALFORMED, load->name,
				 "has a scope of an application that it does not have");
	const struct export_value path = {.text = object->path, .size = strlen(object->path)};
	struct text *scope = &application->scope;
	load_add_value(scope, column(EXPORT_SCOPE, values, "load"), true, &load->scratch);
	load_add_value(scope, column(EXPORT_SCOPE, values, "position"), false, &load->scratch);
	load_add_value(scope, &path, false, &load->scratch);
	load_add_value(scope, column(EXPORT_SCOPE, values, "rule"), false, &load->scratch);
	load_add_value(scope, column(EXPORT_SCOPE, values, "loaded_by"), false, &load->scratch);
	text_add(scope, "\n", 1);
	return scope->failed ? matr_fail_memory(err) : 0;
}

static int take_set(struct load *load, const struct export_value *values, struct matr_error *err)
{
	struct load_object *object =
		load_find_object(load, column(EXPORT_BINDING_SETS, values, "object")->number);
	const struct export_value *hash = column(EXPORT_BINDING_SETS, values, "hash");

	if (!object || hash->size != MATR_EXPORT_HASH - 1 ||
	    strspn(hash->text, "0123456789abcdef") != hash->size)
		return matr_fail(err, MATR_ERROR_MALFORMED, load->name,
				 "has a set of bindings that is none");
	memcpy(object->set, hash->text, MATR_EXPORT_HASH);
	object->n_bindings = column(EXPORT_BINDING_SETS, values, "bindings")->number;
	return 0;
}

static int take_row(void *context, enum export_table table, const struct export_value *values,
		    struct matr_error *err)
{
	struct load *load = context;
	struct text *lines = table == EXPORT_DECLINED ? &load->declined
			     : table == EXPORT_EDITS  ? &load->edits
						      : &load->violations;

	switch (table) {
	case EXPORT_EXPORT:
		return take_export(load, values, err);
	case EXPORT_OBJECTS:
		return take_object(load, values, err);
	case EXPORT_APPLICATIONS:
		return take_application(load, values, err);
	case EXPORT_SCOPE:
		return take_scope(load, values, err);
	case EXPORT_BINDING_SETS:
		return take_set(load, values, err);
	case EXPORT_DECLINED:
	case EXPORT_EDITS:
	case EXPORT_VIOLATIONS:
		add_values(load, lines, values, table == EXPORT_DECLINED ? EXPORT_OWN : 0,
			   export_schemas[table].n_columns);
		text_add(lines, "\n", 1);
		return lines->failed ? matr_fail_memory(err) : 0;
	default:
		return 0;
	}
}

/* ---- hashes ---- */

static int compare_hashes(const void *left, const void *right)
{
	return memcmp(left, right, MATR_EXPORT_HASH);
}

/* Objects by content, and without their ids: those are of one machine. */
static int hash_all(struct load *load, struct matr_error *err)
{
	size_t n = 0, room = load->n_objects + load->n_applications + 1;
	char(*hashes)[MATR_EXPORT_HASH] = calloc(room, sizeof *hashes);

	if (!hashes)
		return matr_fail_memory(err);
	for (size_t i = 0; i < load->n_objects; i++) {
		struct load_object *object = &load->objects[i];
		if (object->id <= 0) /* null, undefined */
			continue;
		text_clear(&load->all);
		text_add(&load->all, object->row.bytes, object->row.size);
		text_printf(&load->all, "\t%s", object->set);
		matr_export_hash(text_string(&load->all), load->all.size, object->hash);
		memcpy(hashes[n++], object->hash, MATR_EXPORT_HASH);
	}
	for (size_t i = 0; i < load->n_applications; i++) {
		struct load_application *application = &load->applications[i];
		text_clear(&load->all);
		text_add(&load->all, application->row.bytes, application->row.size);
		text_add(&load->all, "\n", 1);
		text_add(&load->all, text_string(&application->scope), application->scope.size);
		matr_export_hash(text_string(&load->all), load->all.size, application->hash);
		memcpy(hashes[n++], application->hash, MATR_EXPORT_HASH);
	}
	qsort(hashes, n, sizeof *hashes, compare_hashes);
	text_clear(&load->all);
	text_add(&load->all, hashes[0], n * sizeof *hashes);
	text_add(&load->all, text_string(&load->declined), load->declined.size);
	matr_export_hash(text_string(&load->all), load->all.size, load->hash);
	free(hashes);
	return load->all.failed ? matr_fail_memory(err) : 0;
}

int load_read(const struct export_source *source, struct load *out, struct matr_error *err)
{
	const unsigned tables = EXPORT_ALL_TABLES & ~(1U << EXPORT_BINDINGS);
	const struct export_sink sink = {take_row, out};

	*out = (struct load){.name = source->name};
	if (source->rows(source->context, tables, NULL, NULL, &sink, err) != 0)
		return -1;
	return hash_all(out, err);
}

void load_free(struct load *load)
{
	for (size_t i = 0; i < load->n_objects; i++) {
		free(load->objects[i].path);
		text_free(&load->objects[i].row);
	}
	for (size_t i = 0; i < load->n_applications; i++) {
		text_free(&load->applications[i].row);
		text_free(&load->applications[i].scope);
	}
	free(load->objects);
	free(load->applications);
	free(load->host);
	free(load->begun);
	free(load->ended);
	free(load->matr);
	free(load->cpu_level);
	free(load->portable);
	free(load->cause);
	text_free(&load->declined);
	text_free(&load->edits);
	text_free(&load->violations);
	text_free(&load->all);
	text_free(&load->scratch);
}
