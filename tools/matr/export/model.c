/* model.c - an epoch in memory, to be compared with another machine's. */
#include "matr/export/model.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

struct model_reading {
	struct model *model;
	const char *name;
};

/* Copy a text; NULL stays NULL. */
static int copy(const struct export_value *value, char **out, struct matr_error *err)
{
	*out = value->is_null ? NULL : strdup(value->text);
	return value->is_null || *out ? 0 : matr_fail_memory(err);
}

static const struct export_value *column(enum export_table table, const struct export_value *values,
					 const char *name)
{
	return &values[export_column(table, name)];
}

static int take_export(struct model_reading *reading, const struct export_value *values,
		       struct matr_error *err)
{
	if (!column(EXPORT_EXPORT, values, "since")->is_null ||
	    !column(EXPORT_EXPORT, values, "tables")->is_null)
		return matr_fail(err, MATR_ERROR_STATE, reading->name,
				 "has a part of an epoch only (--since, --tables); a whole one is "
				 "needed");
	reading->model->epoch = values[EXPORT_EPOCH].number;
	return copy(&values[EXPORT_HOST], &reading->model->host, err);
}

static int take_object(struct model *model, const struct export_value *values,
		       struct matr_error *err)
{
	if (array_grow(&model->objects, model->n_objects, sizeof *model->objects, err) != 0)
		return -1;
	struct model_object *object = &model->objects[model->n_objects++];
	*object = (struct model_object){.id = column(EXPORT_OBJECTS, values, "id")->number};
	if (copy(column(EXPORT_OBJECTS, values, "path"), &object->path, err) != 0 ||
	    copy(column(EXPORT_OBJECTS, values, "build_id"), &object->build_id, err) != 0 ||
	    copy(column(EXPORT_OBJECTS, values, "package"), &object->package, err) != 0)
		return -1;
	return copy(column(EXPORT_OBJECTS, values, "version"), &object->version, err);
}

static int add_program(struct model *model, int64_t id, const struct export_value *path,
		       struct matr_error *err)
{
	if (array_grow(&model->programs, model->n_programs, sizeof *model->programs, err) != 0)
		return -1;
	struct model_program *program = &model->programs[model->n_programs++];
	*program = (struct model_program){.id = id};
	return copy(path, &program->path, err);
}

static int compare_ids(const void *left, const void *right)
{
	const int64_t *a = left, *b = right; /* the first member of what is searched */

	return (*a > *b) - (*a < *b);
}

static struct model_object *find_object(const struct model *model, int64_t id)
{
	return model->n_objects ? bsearch(&id, model->objects, model->n_objects,
					  sizeof *model->objects, compare_ids)
				: NULL;
}

static int take_scope(struct model_reading *reading, const struct export_value *values,
		      struct matr_error *err)
{
	struct model *model = reading->model;
	int64_t id = column(EXPORT_SCOPE, values, "application")->number;
	struct model_program *program = model->n_programs
						? bsearch(&id, model->programs, model->n_programs,
							  sizeof *model->programs, compare_ids)
						: NULL;
	const struct model_object *object =
		find_object(model, column(EXPORT_SCOPE, values, "object")->number);
	const struct export_value *load = column(EXPORT_SCOPE, values, "load");
	const struct export_value *rule = column(EXPORT_SCOPE, values, "rule");

	if (!program || !object)
		return matr_fail(err, MATR_ERROR_MALFORMED, reading->name,
				 "has a scope of an application that it does not have");
	text_add(&program->scope, load->text, load->size + 1);
	text_add(&program->scope, object->path, strlen(object->path) + 1);
	text_add(&program->scope, rule->text, rule->size + 1);
	return program->scope.failed ? matr_fail_memory(err) : 0;
}

static int take_set(struct model_reading *reading, const struct export_value *values,
		    struct matr_error *err)
{
	struct model_object *object =
		find_object(reading->model, column(EXPORT_BINDING_SETS, values, "object")->number);
	const struct export_value *hash = column(EXPORT_BINDING_SETS, values, "hash");

	if (!object || hash->size != MATR_EXPORT_HASH - 1)
		return matr_fail(err, MATR_ERROR_MALFORMED, reading->name,
				 "has a set of bindings that is none");
	memcpy(object->hash, hash->text, MATR_EXPORT_HASH);
	return 0;
}

static int take_row(void *context, enum export_table table, const struct export_value *values,
		    struct matr_error *err)
{
	struct model_reading *reading = context;
	struct model *model = reading->model;

	switch (table) {
	case EXPORT_EXPORT:
		return take_export(reading, values, err);
	case EXPORT_OBJECTS:
		return take_object(model, values, err);
	case EXPORT_APPLICATIONS:
		return add_program(model, column(table, values, "id")->number,
				   column(table, values, "path"), err);
	case EXPORT_SCOPE:
		return take_scope(reading, values, err);
	case EXPORT_BINDING_SETS:
		return take_set(reading, values, err);
	case EXPORT_DECLINED:
		if (add_program(model, -1, column(table, values, "path"), err) != 0)
			return -1;
		model->n_declined++;
		return copy(column(table, values, "reason"),
			    &model->programs[model->n_programs - 1].reason, err);
	default:
		return 0;
	}
}

static int compare_object_paths(const void *left, const void *right)
{
	const struct model_object *a = left, *b = right;

	return strcmp(a->path, b->path);
}

static int compare_program_paths(const void *left, const void *right)
{
	const struct model_program *a = left, *b = right;

	return strcmp(a->path, b->path);
}

int model_read(const struct export_source *source, struct model *out, struct matr_error *err)
{
	const unsigned tables = 1U << EXPORT_OBJECTS | 1U << EXPORT_APPLICATIONS |
				1U << EXPORT_SCOPE | 1U << EXPORT_BINDING_SETS |
				1U << EXPORT_DECLINED;
	struct model_reading reading = {out, source->name};
	const struct export_sink sink = {take_row, &reading};

	*out = (struct model){.host = NULL};
	if (source->rows(source->context, tables, NULL, NULL, &sink, err) != 0)
		return -1;
	if (out->n_objects)
		qsort(out->objects, out->n_objects, sizeof *out->objects, compare_object_paths);
	if (out->n_programs)
		qsort(out->programs, out->n_programs, sizeof *out->programs, compare_program_paths);
	return 0;
}

void model_free(struct model *model)
{
	for (size_t i = 0; i < model->n_objects; i++) {
		free(model->objects[i].path);
		free(model->objects[i].build_id);
		free(model->objects[i].package);
		free(model->objects[i].version);
	}
	for (size_t i = 0; i < model->n_programs; i++) {
		free(model->programs[i].path);
		free(model->programs[i].reason);
		text_free(&model->programs[i].scope);
	}
	free(model->objects);
	free(model->programs);
	free(model->host);
	*model = (struct model){.host = NULL};
}

/* ---- bindings ---- */

struct by_id {
	int64_t id;
	const char *path;
};

struct bindings_reading {
	struct model_bindings *bindings;
	struct by_id *paths; /* of all objects */
	size_t n_paths, room;
	const int64_t *ids;
	size_t n;
};

static bool is_wanted(int64_t object, void *context)
{
	const struct bindings_reading *reading = context;

	return bsearch(&object, reading->ids, reading->n, sizeof object, compare_ids) != NULL;
}

static const char *path_of(const struct bindings_reading *reading, int64_t id)
{
	const struct by_id *found =
		bsearch(&id, reading->paths, reading->n_paths, sizeof *reading->paths, compare_ids);

	return found ? found->path : "";
}

static int take_binding(void *context, enum export_table table, const struct export_value *values,
			struct matr_error *err)
{
	struct bindings_reading *reading = context;
	struct model_bindings *bindings = reading->bindings;

	if (table != EXPORT_BINDINGS)
		return 0;
	if (bindings->n == reading->room) {
		size_t room = reading->room ? 2 * reading->room : 1024;
		struct model_binding *list = realloc(bindings->list, room * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		bindings->list = list;
		reading->room = room;
	}
	struct model_binding *binding = &bindings->list[bindings->n++];
	*binding = (struct model_binding){
		.requester = strdup(path_of(reading, column(table, values, "requester")->number)),
		.symbol = strdup(column(table, values, "symbol")->text),
		.version = strdup(column(table, values, "version")->text),
		.provider = strdup(path_of(reading, column(table, values, "provider")->number)),
	};
	return binding->requester && binding->symbol && binding->version && binding->provider
		       ? 0
		       : matr_fail_memory(err);
}

static int compare_bindings(const void *left, const void *right)
{
	const struct model_binding *a = left, *b = right;
	int order = strcmp(a->requester, b->requester);

	order = order ? order : strcmp(a->symbol, b->symbol);
	order = order ? order : strcmp(a->version, b->version);
	return order ? order : strcmp(a->provider, b->provider);
}

int model_read_bindings(const struct export_source *source, const struct model *model,
			const int64_t *ids, size_t n, struct model_bindings *out,
			struct matr_error *err)
{
	struct bindings_reading reading = {.bindings = out, .ids = ids, .n = n};
	const struct export_sink sink = {take_binding, &reading};
	int result = 0;

	*out = (struct model_bindings){.list = NULL};
	if (n == 0)
		return 0;
	reading.paths = calloc(model->n_objects + 1, sizeof *reading.paths);
	if (!reading.paths)
		return matr_fail_memory(err);
	for (size_t i = 0; i < model->n_objects; i++)
		reading.paths[reading.n_paths++] =
			(struct by_id){model->objects[i].id, model->objects[i].path};
	qsort(reading.paths, reading.n_paths, sizeof *reading.paths, compare_ids);
	result = source->rows(source->context, 1U << EXPORT_BINDINGS, is_wanted, &reading, &sink,
			      err);
	free(reading.paths);
	if (result == 0 && out->n)
		qsort(out->list, out->n, sizeof *out->list, compare_bindings);
	return result;
}

void model_bindings_free(struct model_bindings *bindings)
{
	for (size_t i = 0; i < bindings->n; i++) {
		free(bindings->list[i].requester);
		free(bindings->list[i].symbol);
		free(bindings->list[i].version);
		free(bindings->list[i].provider);
	}
	free(bindings->list);
	*bindings = (struct model_bindings){.list = NULL};
}
