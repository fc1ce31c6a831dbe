/* data.c - the contents of the page of `matr report`, as JSON with numbers for objects.
 *
 * An object's bindings are read from the first program that has it: nearly always they are the same
 * everywhere; `matr why` shows those of one program. docs/report.md has the keys.
 */
#include "matr/report/report.h"

#include "common/array.h"
#include "common/graph.h"
#include "common/open_store.h"
#include "common/output.h"
#include "common/path.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/recorded.h"
#include "common/terminal.h"
#include "matr/bench/bench.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/explain.h>
#include <matr/packages.h>

/* Limits, so that the page opens at once: the rest is counted, and the page has the number. */
enum {
	PROGRAMS_MAX = 3000,
	SYMBOLS_OF_EPOCH = 8,	  /* named of one object's bindings to another */
	SYMBOLS_OF_PROGRAM = 400, /* the same where programs were named */
	CHANGES_MAX = 5000,
};

struct report_object {
	const struct matr_object *done; /* the bindings are in the data; NULL: not yet */
	size_t users;			/* programs with it in their scope */
	bool program;
};

struct collection {
	const struct report_request *request;
	struct matr_store *store;
	struct matr_store_epoch epoch;
	struct graph names; /* for its numbers of paths */
	struct report_object *objects;
	size_t n_objects;
	struct json_object *programs, *edges;
	size_t n_bindings, n_left_out, n_symbols_left_out;
};

/* ---- objects and edges ---- */

static int number_of(struct collection *collection, const char *path, size_t *id,
		     struct matr_error *err)
{
	if (graph_node(&collection->names, path, path_name(path), NULL, 0, id, err) != 0)
		return -1;
	if (*id < collection->n_objects)
		return 0;
	if (array_grow(&collection->objects, collection->n_objects, sizeof *collection->objects,
		       err) != 0)
		return -1;
	collection->objects[collection->n_objects++] = (struct report_object){.done = NULL};
	return 0;
}

struct bound_to { /* from the object that is looked at */
	struct json_object *symbols;
	size_t n;
	bool needed;
};

static int put_edges(struct collection *collection, const size_t *ids, size_t from,
		     struct bound_to *list, size_t n, struct matr_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!list[i].n && !list[i].needed)
			continue;
		struct json_object *edge = json_object_new_array();
		struct json_object *symbols =
			list[i].symbols ? list[i].symbols : json_object_new_array();
		list[i].symbols = NULL;
		if (!edge || !symbols) {
			json_object_put(edge);
			json_object_put(symbols);
			return matr_fail_memory(err);
		}
		json_object_array_add(edge, json_object_new_uint64(from));
		json_object_array_add(edge, json_object_new_uint64(ids[i]));
		json_object_array_add(edge, json_object_new_int(list[i].needed));
		json_object_array_add(edge, json_object_new_uint64(list[i].n));
		json_object_array_add(edge, symbols);
		json_object_array_add(collection->edges, edge);
		collection->n_bindings += list[i].n;
	}
	return 0;
}

/* Each symbol that the object binds to another one, once. */
static int find_bound(struct collection *collection, const struct matr_mapping *mapping,
		      uint32_t index, struct bound_to *list, struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[index].object;
	const struct matr_binding *bindings = mapping->objects[index].bindings;
	size_t most = collection->request->n_programs ? SYMBOLS_OF_PROGRAM : SYMBOLS_OF_EPOCH;
	/* A library's bindings to the program have another provider in each program. */
	bool several = collection->request->n_programs != 1;
	bool *seen = calloc(object->n_symbols + 1, sizeof *seen);

	if (!seen)
		return matr_fail_memory(err);
	for (size_t i = 0; bindings && i < object->n_relocations; i++) {
		uint32_t symbol = object->relocations[i].symbol, provider = bindings[i].provider;
		if (provider >= mapping->n_scope || provider == index || seen[symbol] ||
		    (provider == 0 && several))
			continue;
		seen[symbol] = true;
		struct bound_to *to = &list[provider];
		if (to->n++ >= most) {
			collection->n_symbols_left_out++;
			continue;
		}
		if (!to->symbols)
			to->symbols = json_object_new_array();
		if (to->symbols)
			json_object_array_add(to->symbols,
					      json_object_new_string(object->symbols[symbol].name));
	}
	free(seen);
	return 0;
}

static int add_bindings(struct collection *collection, const struct matr_mapping *mapping,
			const size_t *ids, const struct matr_need *needs, size_t n_needs,
			uint32_t index, struct matr_error *err)
{
	struct bound_to *list = calloc(mapping->n_scope, sizeof *list);

	if (!list)
		return matr_fail_memory(err);
	for (size_t i = 0; i < n_needs; i++)
		if (needs[i].requester == index)
			list[needs[i].object].needed = true;
	int result = find_bound(collection, mapping, index, list, err);
	if (result == 0)
		result = put_edges(collection, ids, ids[index], list, mapping->n_scope, err);
	for (size_t i = 0; i < mapping->n_scope; i++)
		json_object_put(list[i].symbols);
	free(list);
	return result;
}

/* ---- programs ---- */

/* [PROGRAM, [OBJECT, ...]] */
static int put_program(struct collection *collection, const size_t *ids, size_t n,
		       struct matr_error *err)
{
	struct json_object *row = json_object_new_array(), *scope = json_object_new_array();

	if (!row || !scope) {
		json_object_put(row);
		json_object_put(scope);
		return matr_fail_memory(err);
	}
	for (size_t i = 1; i < n; i++)
		json_object_array_add(scope, json_object_new_uint64(ids[i]));
	json_object_array_add(row, json_object_new_uint64(ids[0]));
	json_object_array_add(row, scope);
	json_object_array_add(collection->programs, row);
	return 0;
}

static int add_mapping(struct collection *collection, const struct matr_mapping *mapping,
		       struct matr_error *err)
{
	size_t *ids = calloc(mapping->n_scope, sizeof *ids);
	struct matr_need *needs = NULL;
	size_t n_needs = 0;
	int result = ids ? matr_needs(mapping, &needs, &n_needs, err) : matr_fail_memory(err);

	for (uint32_t i = 0; i < mapping->n_scope && result == 0; i++) {
		result = number_of(collection, recorded_path(mapping, i), &ids[i], err);
		if (result == 0)
			collection->objects[ids[i]].users += i > 0;
	}
	for (uint32_t i = 0; i < mapping->n_scope && result == 0; i++) {
		struct report_object *object = &collection->objects[ids[i]];
		if (object->done)
			continue;
		object->done = mapping->scope[i].object;
		result = add_bindings(collection, mapping, ids, needs, n_needs, i, err);
	}
	if (result == 0) {
		collection->objects[ids[0]].program = true;
		result = put_program(collection, ids, mapping->n_scope, err);
	}
	free(needs);
	free(ids);
	return result;
}

static int add_application(struct collection *collection, int64_t application,
			   struct matr_error *err)
{
	struct matr_mapping *mapping;

	if (matr_store_mapping(collection->store, application, &mapping, err) != 0)
		return -1;
	int result = add_mapping(collection, mapping, err);
	matr_mapping_free(mapping);
	return result;
}

static int add_all(struct collection *collection, struct matr_error *err)
{
	struct matr_store_application *list;
	struct progress progress = progress_begin("reading programs");
	size_t n;

	if (matr_store_applications(collection->store, collection->epoch.id, &list, &n, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < n && i < PROGRAMS_MAX && result == 0; i++) {
		result = add_application(collection, list[i].id, err);
		progress_show(&progress, i + 1, n);
	}
	progress_clear(&progress);
	collection->n_left_out = n > PROGRAMS_MAX ? n - PROGRAMS_MAX : 0;
	matr_store_applications_free(list, n);
	return result;
}

static int add_named(struct collection *collection, struct matr_error *err)
{
	const struct report_request *request = collection->request;
	int result = 0;

	for (size_t i = 0; i < request->n_programs && result == 0; i++) {
		int64_t application;
		result = recorded_find(collection->store, collection->epoch.id,
				       request->programs[i], &application, err);
		if (result == 0)
			result = add_application(collection, application, err);
	}
	return result;
}

/* ---- the parts of the data ---- */

static struct json_object *text_or_null(const char *text)
{
	return text && *text ? json_object_new_string(text) : NULL;
}

static int put_objects(struct collection *collection, struct json_object *data,
		       struct matr_error *err)
{
	struct json_object *list = json_object_new_array();
	const char **paths = calloc(collection->n_objects + 1, sizeof *paths);
	char **packages = NULL;
	size_t n = collection->n_objects;

	int result = list && paths ? 0 : matr_fail_memory(err);
	for (size_t i = 0; i < n && result == 0; i++)
		paths[i] = collection->names.nodes[i].key;
	if (result == 0)
		result = matr_packages(NULL, paths, n, &packages, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		const struct report_object *object = &collection->objects[i];
		struct json_object *row = json_object_new_object();
		json_object_object_add(row, "p", json_object_new_string(paths[i]));
		json_object_object_add(row, "g", text_or_null(packages[i]));
		json_object_object_add(row, "u", json_object_new_uint64(object->users));
		json_object_object_add(row, "a", json_object_new_int(object->program));
		json_object_array_add(list, row);
	}
	if (packages)
		matr_packages_free(packages, n);
	free(paths);
	json_object_object_add(data, "objects", list);
	return result;
}

static int put_epochs(struct collection *collection, struct json_object *data,
		      struct matr_error *err)
{
	struct json_object *list = json_object_new_array();
	int64_t *ids = NULL;
	size_t n = 0;

	json_object_object_add(data, "epochs", list);
	int result = matr_store_epochs(collection->store, &ids, &n, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		struct matr_store_epoch epoch;
		struct json_object *row = json_object_new_object();
		result = matr_store_epoch(collection->store, ids[i], &epoch, err);
		if (result != 0) {
			json_object_put(row);
			break;
		}
		json_object_object_add(row, "id", json_object_new_int64(epoch.id));
		json_object_object_add(row, "begun", json_object_new_int64(epoch.begun));
		json_object_object_add(row, "ended", json_object_new_int64(epoch.ended));
		json_object_object_add(row, "programs", json_object_new_uint64(epoch.applications));
		json_object_object_add(row, "declined", json_object_new_uint64(epoch.declined));
		json_object_object_add(row, "objects", json_object_new_uint64(epoch.objects));
		json_object_object_add(row, "cause", text_or_null(epoch.cause));
		json_object_array_add(list, row);
	}
	free(ids);
	return result;
}

/* One program's start-up time. Returns 0, or -1, also after a signal. */
static int put_bench(const struct report_request *request, const char *program,
		     struct json_object *list, struct matr_error *err)
{
	const struct bench_options options = {.prefix = request->prefix,
					      .start_only = true,
					      .progress = terminal_shows_progress()};
	char *arguments[] = {(char *)program, NULL};
	struct bench_result result;

	int ended = bench_run(&options, arguments, &result, err);
	if (ended > 0)
		raise(ended);
	if (ended != 0)
		return -1;
	json_object_array_add(list, bench_to_json(&result));
	return 0;
}

static int put_benches(const struct report_request *request, struct json_object *data,
		       struct matr_error *err)
{
	struct json_object *list = json_object_new_array();
	int result = 0;

	json_object_object_add(data, "bench", list);
	for (size_t i = 0; i < request->n_programs && request->bench && result == 0; i++)
		result = put_bench(request, request->programs[i], list, err);
	return result;
}

/* Rows of another command, as many as the page takes. */
static int put_changes(struct json_object *data, char *const *arguments, struct matr_error *err)
{
	struct json_object *rows, *list;

	if (report_command(arguments, &rows, err) != 0)
		return -1;
	if (!json_object_is_type(rows, json_type_array)) {
		json_object_put(rows);
		return matr_fail(err, MATR_ERROR_STATE, "matr", "%s printed no list", arguments[3]);
	}
	size_t n = json_object_array_length(rows);
	list = json_object_new_array();
	for (size_t i = 0; i < n && i < CHANGES_MAX; i++)
		json_object_array_add(list, json_object_get(json_object_array_get_idx(rows, i)));
	json_object_put(rows);
	json_object_object_add(data, "changes", list);
	json_object_object_add(data, "changes_all", json_object_new_uint64(n));
	return 0;
}

static int put_upgrade(const struct report_request *request, struct json_object *data,
		       struct matr_error *err)
{
	size_t n = 0, room = 8 + 2 * request->upgrade.n + request->n_programs;
	const char **arguments = calloc(room, sizeof *arguments);

	if (!arguments)
		return matr_fail_memory(err);
	arguments[n++] = "matr";
	arguments[n++] = "--prefix";
	arguments[n++] = request->prefix;
	arguments[n++] = "check-upgrade";
	arguments[n++] = "--format";
	arguments[n++] = "json";
	for (size_t i = 0; i < request->upgrade.n; i++) {
		arguments[n++] = "--replace";
		arguments[n++] = request->upgrade.list[i];
	}
	for (size_t i = 0; i < request->n_programs; i++)
		arguments[n++] = request->programs[i];
	int result = put_changes(data, (char *const *)arguments, err);
	free(arguments);
	return result;
}

static int put_diff(const struct report_request *request, struct json_object *data,
		    struct matr_error *err)
{
	const char *to = request->epoch ? request->epoch : "current";
	const char *const of_epochs[] = {"matr", "--prefix",  request->prefix, "diff", "--format",
					 "json", "--details", request->from,   to,     NULL};
	const char *of_program[] = {
		"matr",	  "--prefix",	 request->prefix, "diff", "--format", "json", "--details",
		"--from", request->from, "--to",	  to,	  NULL,	      NULL};

	of_program[11] = request->n_programs ? request->programs[0] : NULL;
	return put_changes(data, (char *const *)(request->n_programs ? of_program : of_epochs),
			   err);
}

static void put_summary(const struct collection *collection, struct json_object *data)
{
	const struct report_request *request = collection->request;
	const struct matr_store_epoch *epoch = &collection->epoch;
	size_t programs = json_object_array_length(collection->programs);
	struct text title = {0}, sentence = {0};
	char counts[3][32];
	struct json_object *changes;

	if (request->upgrade.n)
		text_add_string(&title, "Upgrade: ");
	if (request->n_programs == 1)
		text_printf(&title, "%s, ", path_name(request->programs[0]));
	else if (request->n_programs)
		text_printf(&title, "%zu programs, ", request->n_programs);
	text_printf(&title, "%s %" PRId64, title.size ? "epoch" : "Epoch", epoch->id);
	text_printf(&sentence,
		    "%s program%s and %s other objects, with bindings to %s symbols of each "
		    "other.",
		    output_grouped(programs, counts[0]), programs == 1 ? "" : "s",
		    output_grouped(collection->n_objects - programs, counts[1]),
		    output_grouped(collection->n_bindings, counts[2]));
	if (!request->n_programs && epoch->declined)
		text_printf(&sentence, " %zu program%s declined and start%s as ever.",
			    epoch->declined, epoch->declined == 1 ? " was" : "s were",
			    epoch->declined == 1 ? "s" : "");
	if (json_object_object_get_ex(data, "changes_all", &changes)) {
		size_t n = (size_t)json_object_get_int64(changes);
		text_printf(&sentence, n ? " %zu changes (listed below)." : " Nothing changes.", n);
	}
	if (collection->n_left_out)
		text_printf(&sentence, " %zu more programs are left out.", collection->n_left_out);
	if (collection->n_symbols_left_out)
		text_printf(&sentence,
			    " Of each pair of objects the first %d symbols are named; a report of "
			    "one program has more.",
			    request->n_programs ? SYMBOLS_OF_PROGRAM : SYMBOLS_OF_EPOCH);
	json_object_object_add(data, "title", json_object_new_string(text_string(&title)));
	json_object_object_add(data, "sentence", json_object_new_string(text_string(&sentence)));
	json_object_object_add(data, "epoch", json_object_new_int64(epoch->id));
	text_free(&title);
	text_free(&sentence);
}

/* ---- all of it ---- */

static int collect(struct collection *collection, struct json_object *data, struct matr_error *err)
{
	const struct report_request *request = collection->request;

	if (open_store(request->prefix, &collection->store, err) != 0 ||
	    matr_store_freeze(collection->store, err) != 0 ||
	    recorded_epoch(request->prefix, collection->store, request->epoch, &collection->epoch,
			   err) != 0)
		return -1;
	int result = request->n_programs ? add_named(collection, err) : add_all(collection, err);
	if (result == 0)
		result = put_objects(collection, data, err);
	if (result == 0)
		result = put_epochs(collection, data, err);
	if (result == 0 && request->upgrade.n)
		result = put_upgrade(request, data, err);
	if (result == 0 && request->from)
		result = put_diff(request, data, err);
	if (result == 0)
		result = put_benches(request, data, err);
	if (result == 0)
		put_summary(collection, data);
	return result;
}

struct json_object *report_data(const struct report_request *request, struct matr_error *err)
{
	struct collection collection = {.request = request};
	struct json_object *data = json_object_new_object();

	collection.programs = json_object_new_array();
	collection.edges = json_object_new_array();
	if (!data || !collection.programs || !collection.edges) {
		json_object_put(data);
		json_object_put(collection.programs);
		json_object_put(collection.edges);
		matr_fail_memory(err);
		return NULL;
	}
	json_object_object_add(data, "programs", collection.programs);
	json_object_object_add(data, "edges", collection.edges);
	if (collect(&collection, data, err) != 0) {
		json_object_put(data);
		data = NULL;
	}
	graph_free(&collection.names);
	free(collection.objects);
	matr_store_close(collection.store);
	return data;
}
