/* why_library.c - matr why --library: what brings a library in, where it was looked for, and its
 * uses.
 *
 * A library is there from the start, or comes with something that the program loads (a closure). In
 * both cases objects of closures may bind to it too; their rows show that.
 */
#include "common/array.h"
#include "common/dlopen_notes.h"
#include "common/graph.h"
#include "common/path.h"
#include "common/symbol.h"
#include "matr/query/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/explain.h>
#include <matr/names.h>
#include <matr/nearest.h>
#include <matr/packages.h>

enum { TYPE_IFUNC = 10 }; /* STT_GNU_IFUNC */

/* ---- the chain of loads ---- */

/* "git -> libcurl.so.4 -> libssl.so.3" by what loaded each first. */
static void put_chain(FILE *out, const struct matr_mapping *mapping, uint32_t index)
{
	const struct matr_scope_entry *entry = &mapping->scope[index];

	if (index && entry->loaded_by < index) {
		put_chain(out, mapping, entry->loaded_by);
		fputs(entry->needed_as ? " -> " : " => ", out); /* => by dlopen(), or an edit */
	}
	fputs(entry->needed_as ? entry->needed_as : recorded_path(mapping, index), out);
}

/* malloc'ed; NULL: out of memory. */
static char *chain_text(const struct matr_mapping *mapping, uint32_t index)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	put_chain(stream, mapping, index);
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

struct arrival {
	const struct matr_mapping *mapping;
	uint32_t index;
	const char *root; /* of the closure that it comes with; NULL: there from the start */
	struct matr_need *needs;
	size_t n_needs;
	struct matr_place *places;
	size_t n_places;
	char *chain;
};

static void arrival_free(struct arrival *arrival)
{
	free(arrival->needs);
	matr_places_free(arrival->places, arrival->n_places);
	free(arrival->chain);
}

static int arrival_find(struct arrival *arrival, struct matr_error *err)
{
	arrival->chain = chain_text(arrival->mapping, arrival->index);
	if (!arrival->chain)
		return matr_fail_memory(err);
	if (matr_places(arrival->mapping, arrival->index, &arrival->places, &arrival->n_places,
			err) != 0)
		return -1;
	return matr_needs(arrival->mapping, &arrival->needs, &arrival->n_needs, err);
}

static int print_arrival(const struct arrival *arrival, struct matr_error *err)
{
	const struct matr_mapping *mapping = arrival->mapping;
	const struct matr_scope_entry *entry = &mapping->scope[arrival->index];

	safe_printf("file        %s\nfound as    %s\nfound by    %s\n",
		    recorded_path(mapping, arrival->index), entry->path,
		    matr_search_rule_name(entry->rule));
	if (arrival->root)
		safe_printf("loaded by   dlopen() of %s\n", arrival->root);
	/* A single place adds nothing to the rule. */
	for (size_t i = 0; arrival->n_places > 1 && i < arrival->n_places; i++) {
		const struct matr_place *place = &arrival->places[i];
		safe_printf("%s   %s, %s%s%s: %s\n", i ? "         " : "sought in", place->where,
			    matr_search_rule_name(place->rule),
			    place->rule == MATR_FOUND_RPATH || place->rule == MATR_FOUND_RUNPATH
				    ? " of "
				    : "",
			    place->rule == MATR_FOUND_RPATH || place->rule == MATR_FOUND_RUNPATH
				    ? recorded_path(mapping, place->owner)
				    : "",
			    place->found ? "there" : "not there");
	}
	safe_printf("chain       %s\n", arrival->chain);
	for (size_t i = 0; i < arrival->n_needs; i++) {
		const struct matr_need *need = &arrival->needs[i];
		if (need->object != arrival->index || need->requester == entry->loaded_by)
			continue;
		char *chain = chain_text(mapping, need->requester);
		if (!chain)
			return matr_fail_memory(err);
		safe_printf("also        %s -> %s\n", chain, need->name);
		free(chain);
	}
	return 0;
}

static struct json_object *text_or_null(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

/* The chain's links from the program on. */
static struct json_object *chain_json(const struct matr_mapping *mapping, uint32_t index)
{
	const struct matr_scope_entry *entry = &mapping->scope[index];
	struct json_object *list = index && entry->loaded_by < index
					   ? chain_json(mapping, entry->loaded_by)
					   : json_object_new_array();
	struct json_object *link = json_object_new_object();

	json_object_object_add(link, "object",
			       json_object_new_string(recorded_path(mapping, index)));
	json_object_object_add(link, "needed_as", text_or_null(entry->needed_as));
	json_object_object_add(link, "found_by",
			       json_object_new_string(matr_search_rule_name(entry->rule)));
	json_object_array_add(list, link);
	return list;
}

static struct json_object *arrival_json(const struct arrival *arrival)
{
	const struct matr_mapping *mapping = arrival->mapping;
	const struct matr_scope_entry *entry = &mapping->scope[arrival->index];
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(object, "program", text_or_null(recorded_path(mapping, 0)));
	json_object_object_add(object, "file",
			       text_or_null(recorded_path(mapping, arrival->index)));
	json_object_object_add(object, "found_as", text_or_null(entry->path));
	json_object_object_add(object, "found_by",
			       text_or_null(matr_search_rule_name(entry->rule)));
	json_object_object_add(object, "loaded_by_dlopen_of", text_or_null(arrival->root));
	for (size_t i = 0; i < arrival->n_places; i++) {
		const struct matr_place *place = &arrival->places[i];
		struct json_object *row = json_object_new_object();
		json_object_object_add(row, "rule",
				       text_or_null(matr_search_rule_name(place->rule)));
		json_object_object_add(row, "where", text_or_null(place->where));
		json_object_object_add(row, "of",
				       text_or_null(recorded_path(mapping, place->owner)));
		json_object_object_add(row, "found", json_object_new_boolean(place->found));
		json_object_array_add(list, row);
	}
	json_object_object_add(object, "sought_in", list);
	json_object_object_add(object, "chain", chain_json(mapping, arrival->index));
	list = json_object_new_array();
	for (size_t i = 0; i < arrival->n_needs; i++) {
		const struct matr_need *need = &arrival->needs[i];
		struct json_object *row;
		if (need->object != arrival->index || need->requester == entry->loaded_by)
			continue;
		row = json_object_new_object();
		json_object_object_add(row, "object",
				       text_or_null(recorded_path(mapping, need->requester)));
		json_object_object_add(row, "needed_as", text_or_null(need->name));
		json_object_array_add(list, row);
	}
	json_object_object_add(object, "also_needed_by", list);
	return object;
}

/* ---- bindings to the library ---- */

struct bound {
	const char *requester, *symbol, *version;
	bool ifunc;
	const char *root; /* of the closure that the requester comes with */
};

struct bound_list {
	struct bound *list;
	size_t n;
};

static int put_bound(struct bound_list *out, struct bound bound, struct matr_error *err)
{
	if (array_grow(&out->list, out->n, sizeof *out->list, err) != 0)
		return -1;
	out->list[out->n++] = bound;
	return 0;
}

/* Collect the symbols that the mapping's objects bind to in the object with that index, each
 * once. */
static int find_bound(const struct matr_mapping *mapping, uint32_t index, const char *root,
		      struct bound_list *out, struct matr_error *err)
{
	int result = 0;

	for (uint32_t i = 0; i < mapping->n_scope && !result; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		const struct matr_binding *bindings = mapping->objects[i].bindings;
		bool *seen = calloc(object->n_symbols + 1, sizeof *seen);
		if (!seen)
			return matr_fail_memory(err);
		for (size_t n = 0; bindings && i != index && n < object->n_relocations && !result;
		     n++) {
			uint32_t symbol = object->relocations[n].symbol;
			if (bindings[n].provider != index || seen[symbol])
				continue;
			seen[symbol] = true;
			const struct matr_symbol *provided =
				&mapping->scope[index].object->symbols[bindings[n].symbol];
			result = put_bound(out,
					   (struct bound){recorded_path(mapping, i),
							  object->symbols[symbol].name,
							  recorded_version(object, symbol),
							  provided->type == TYPE_IFUNC, root},
					   err);
		}
		free(seen);
	}
	return result;
}

/* ---- all of it ---- */

/* In csv and jsonl every row has the way in which the library came in; if nothing binds to it, one
 * row has only that. */
static int show_rows(const struct why *why, const struct arrival *arrival,
		     const struct bound_list *bound, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"requester", COLUMN_LEFT}, {"symbol", COLUMN_LEFT},   {"version", COLUMN_LEFT},
		{"ifunc", COLUMN_LEFT},	    {"loaded", COLUMN_LEFT},   {"file", COLUMN_LEFT},
		{"found_as", COLUMN_LEFT},  {"found_by", COLUMN_LEFT}, {"chain", COLUMN_LEFT},
		{"sought_in", COLUMN_LEFT},
	};
	const struct matr_scope_entry *entry = &arrival->mapping->scope[arrival->index];
	static const struct bound nothing = {.requester = NULL};
	struct output output;
	char *sought = NULL;
	size_t size;
	FILE *stream = open_memstream(&sought, &size);

	for (size_t i = 0; stream && i < arrival->n_places; i++)
		fprintf(stream, "%s%s", i ? ":" : "", arrival->places[i].where);
	if (!stream || fclose(stream) != 0) {
		free(sought);
		return matr_fail_memory(err);
	}
	output_open(&output, why->format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < bound->n + !bound->n; i++) {
		const struct bound *row = bound->n ? &bound->list[i] : &nothing;
		output_text(&output, row->requester);
		output_text(&output, row->symbol);
		output_text(&output, row->version);
		output_text(&output, row->ifunc ? "ifunc" : NULL);
		output_text(&output, row->root);
		output_text(&output, recorded_path(arrival->mapping, arrival->index));
		output_text(&output, entry->path);
		output_text(&output, matr_search_rule_name(entry->rule));
		output_text(&output, arrival->chain);
		output_text(&output, sought);
	}
	free(sought);
	return output_close(&output, err);
}

static int compare_symbols(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;
	return strcmp(*a, *b);
}

/* Count the different names. */
static int count_symbols(const struct bound_list *bound, size_t *n, struct matr_error *err)
{
	const char **names = calloc(bound->n + 1, sizeof *names);

	if (!names)
		return matr_fail_memory(err);
	for (size_t i = 0; i < bound->n; i++)
		names[i] = bound->list[i].symbol;
	qsort(names, bound->n, sizeof *names, compare_symbols);
	*n = 0;
	for (size_t i = 0; i < bound->n; i++)
		*n += i == 0 || strcmp(names[i], names[i - 1]) != 0;
	free(names);
	return 0;
}

static bool is_same_requester(const struct bound *a, const struct bound *b)
{
	return strcmp(a->requester, b->requester) == 0 && a->root == b->root;
}

/* "liblzma.so.5: needed by libsystemd.so.0.35.0; 3 of its symbols are bound, by that alone." */
static int say(const struct why *why, const struct arrival *arrival, const struct bound_list *bound,
	       struct matr_error *err)
{
	const struct matr_mapping *mapping = arrival->mapping;
	const struct matr_scope_entry *entry = &mapping->scope[arrival->index];
	size_t n_symbols = 0, n_requesters = 0;

	if (count_symbols(bound, &n_symbols, err) != 0)
		return -1;
	for (size_t i = 0; i < bound->n; i++)
		n_requesters += i == 0 || !is_same_requester(&bound->list[i], &bound->list[i - 1]);
	if (entry->needed_as)
		safe_printf("%s: needed by %s", why->asked,
			    path_name(recorded_path(mapping, entry->loaded_by)));
	else
		safe_printf("%s: found by %s", why->asked, matr_search_rule_name(entry->rule));
	if (!bound->n)
		puts(". Nothing binds to it.\n");
	else if (n_requesters == 1)
		safe_printf("; %zu of its symbols bound, by %s alone.\n\n", n_symbols,
			    path_name(bound->list[0].requester));
	else
		safe_printf("; %zu of its symbols bound, by %zu objects.\n\n", n_symbols,
			    n_requesters);
	return 0;
}

/* A row per object that binds to the library. */
static int show_requesters(const struct bound_list *bound, bool later, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"requester", COLUMN_LEFT}, {"package", COLUMN_LEFT}, {"symbols", COLUMN_RIGHT},
		{"ifunc", COLUMN_RIGHT},    {"loaded", COLUMN_LEFT},
	};
	const char **paths = calloc(bound->n + 1, sizeof *paths);
	struct output output;
	char **packages;

	if (!paths)
		return matr_fail_memory(err);
	for (size_t i = 0; i < bound->n; i++)
		paths[i] = bound->list[i].requester;
	int result = matr_packages(NULL, paths, bound->n, &packages, err);
	free(paths);
	if (result != 0)
		return -1;
	output_open(&output, FORMAT_TABLE, columns, later ? 5 : 4);
	for (size_t i = 0, end; i < bound->n; i = end) {
		size_t ifuncs = 0;
		for (end = i;
		     end < bound->n && is_same_requester(&bound->list[i], &bound->list[end]); end++)
			ifuncs += bound->list[end].ifunc;
		output_text(&output, bound->list[i].requester);
		output_text(&output, packages[i]);
		output_number(&output, (int64_t)(end - i));
		output_number(&output, (int64_t)ifuncs);
		if (later)
			output_text(&output, bound->list[i].root);
	}
	matr_packages_free(packages, bound->n);
	return output_close(&output, err);
}

static int show_symbols(const struct why *why, const struct bound_list *bound, bool later,
			struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"requester", COLUMN_LEFT}, {"symbol", COLUMN_LEFT}, {"version", COLUMN_LEFT},
		{"ifunc", COLUMN_LEFT},	    {"loaded", COLUMN_LEFT},
	};
	struct output output;

	output_open(&output, FORMAT_TABLE, columns, later ? 5 : 4);
	for (size_t i = 0; i < bound->n; i++) {
		output_text(&output, bound->list[i].requester);
		output_symbol(&output, bound->list[i].symbol, why->raw);
		output_text(&output, bound->list[i].version);
		output_text(&output, bound->list[i].ifunc ? "ifunc" : NULL);
		if (later)
			output_text(&output, bound->list[i].root);
	}
	return output_close(&output, err);
}

static int show_table(const struct why *why, const struct arrival *arrival,
		      const struct bound_list *bound, struct matr_error *err)
{
	bool later = false;

	if (say(why, arrival, bound, err) != 0 || print_arrival(arrival, err) != 0)
		return -1;
	if (!bound->n)
		return output_flush(err);
	for (size_t i = 0; i < bound->n; i++)
		later |= bound->list[i].root != NULL;
	putchar('\n');
	return why->details ? show_symbols(why, bound, later, err)
			    : show_requesters(bound, later, err);
}

static int show_json(const struct arrival *arrival, const struct bound_list *bound,
		     struct matr_error *err)
{
	struct json_object *object = arrival_json(arrival), *list = json_object_new_array();

	for (size_t i = 0; i < bound->n; i++) {
		struct json_object *row = json_object_new_object();
		json_object_object_add(row, "requester", text_or_null(bound->list[i].requester));
		json_object_object_add(row, "symbol", text_or_null(bound->list[i].symbol));
		json_object_object_add(row, "version", text_or_null(bound->list[i].version));
		json_object_object_add(row, "ifunc", json_object_new_boolean(bound->list[i].ifunc));
		json_object_object_add(row, "loaded_by_dlopen_of",
				       text_or_null(bound->list[i].root));
		json_object_array_add(list, row);
	}
	json_object_object_add(object, "bindings", list);
	return output_json(object, err);
}

/* ---- as a graph ---- */

enum graph_node_kind { GRAPH_PROGRAM, GRAPH_LIBRARY, GRAPH_OTHER, GRAPH_NODES };

static const struct graph_kind graph_nodes[GRAPH_NODES] = {
	[GRAPH_PROGRAM] = {"the program", "fillcolor=\"#1f3b5b\", fontcolor=white"},
	[GRAPH_LIBRARY] = {"the library", "fillcolor=\"#f2a541\""},
	[GRAPH_OTHER] = {NULL, "fillcolor=\"#cfe3f7\""},
};

enum graph_edge_kind { GRAPH_BRINGS, GRAPH_NEEDS, GRAPH_BINDS, GRAPH_EDGES };

static const struct graph_kind graph_edges[GRAPH_EDGES] = {
	[GRAPH_BRINGS] = {"brings it in", "color=\"#444444\", penwidth=1.6"},
	[GRAPH_NEEDS] = {"needs it too", "color=\"#999999\", style=dashed"},
	[GRAPH_BINDS] = {"binds to symbols of it", "color=\"#1f6fb5\", fontcolor=\"#1f6fb5\""},
};

static int graph_object(struct graph *graph, const struct arrival *arrival, const char *path,
			size_t *id, struct matr_error *err)
{
	const struct matr_mapping *mapping = arrival->mapping;
	unsigned kind = strcmp(path, recorded_path(mapping, arrival->index)) == 0 ? GRAPH_LIBRARY
			: strcmp(path, recorded_path(mapping, 0)) == 0		  ? GRAPH_PROGRAM
										  : GRAPH_OTHER;

	return graph_node(graph, path, path_name(path), NULL, kind, id, err);
}

/* The chain from the program to an object of the scope. */
static int graph_chain(struct graph *graph, const struct arrival *arrival, uint32_t index,
		       struct matr_error *err)
{
	const struct matr_scope_entry *entry = &arrival->mapping->scope[index];
	size_t from, to;

	if (!index || entry->loaded_by >= index)
		return 0;
	if (graph_object(graph, arrival, recorded_path(arrival->mapping, entry->loaded_by), &from,
			 err) != 0 ||
	    graph_object(graph, arrival, recorded_path(arrival->mapping, index), &to, err) != 0 ||
	    graph_edge(graph, from, to, GRAPH_BRINGS, entry->needed_as ? NULL : "dlopen()", err) !=
		    0)
		return -1;
	return graph_chain(graph, arrival, entry->loaded_by, err);
}

static int show_graph(const struct why *why, const struct arrival *arrival,
		      const struct bound_list *bound, struct matr_error *err)
{
	const struct matr_mapping *mapping = arrival->mapping;
	const char *path = recorded_path(mapping, arrival->index);
	struct graph graph = {.title = path,
			      .node_kinds = graph_nodes,
			      .edge_kinds = graph_edges,
			      .n_node_kinds = GRAPH_NODES,
			      .n_edge_kinds = GRAPH_EDGES};
	size_t from, to;

	int result = graph_object(&graph, arrival, path, &to, err);
	if (result == 0)
		result = graph_chain(&graph, arrival, arrival->index, err);
	for (size_t i = 0; i < arrival->n_needs && result == 0; i++) {
		const struct matr_need *need = &arrival->needs[i];
		if (need->object != arrival->index ||
		    need->requester == mapping->scope[arrival->index].loaded_by)
			continue;
		result = graph_object(&graph, arrival, recorded_path(mapping, need->requester),
				      &from, err);
		if (result == 0)
			result = graph_edge(&graph, from, to, GRAPH_NEEDS, NULL, err);
	}
	for (size_t i = 0; i < bound->n && result == 0; i++) {
		char *shown = symbol_shown(bound->list[i].symbol, why->raw);
		result = shown ? graph_object(&graph, arrival, bound->list[i].requester, &from, err)
			       : matr_fail_memory(err);
		if (result == 0)
			result = graph_edge(&graph, from, to, GRAPH_BINDS, shown, err);
		free(shown);
	}
	if (result == 0)
		result = graph_show(&graph, why->format, err);
	graph_free(&graph);
	return result;
}

/* Look for an object of the start whose notes have the library. Returns 1 if there is one (*err is
 * the message), 0 if not, -1 on error. */
static int may_be_loaded(const struct recorded *recorded, const char *library,
			 struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < recorded->mapping->n_scope && !result; i++) {
		const char *path = recorded_path(recorded->mapping, i);
		struct candidates candidates;
		result = candidates_read(path, &candidates, err);
		for (size_t k = 0; k < candidates.n && !result; k++) {
			const struct candidate *candidate = &candidates.list[k];
			for (size_t n = 0; n < candidate->n_sonames && !result; n++)
				result = strcmp(candidate->sonames[n], path_name(library)) == 0;
			if (result)
				matr_fail(err, MATR_ERROR_NOT_FOUND, library,
					  "is not loaded by %s; %s may load it (.note.dlopen: "
					  "%.64s, %.64s)",
					  path_name(recorded_path(recorded->mapping, 0)),
					  path_name(path),
					  candidate->feature ? candidate->feature : "no feature",
					  candidate->priority ? candidate->priority
							      : "no priority");
		}
		candidates_free(&candidates);
	}
	return result;
}

/* Fail with the nearest names of all that is there sooner or later. */
static int no_such_library(const struct recorded *recorded, const struct recorded_loads *loads,
			   const char *library, struct matr_error *err)
{
	struct matr_nearest nearest = {.wanted = library};

	if (may_be_loaded(recorded, library, err) != 0)
		return -1;
	for (size_t i = 0; i <= loads->n_records; i++) {
		const struct matr_mapping *mapping =
			i ? loads->list[i - 1].mapping : recorded->mapping;
		for (size_t k = i ? loads->list[i - 1].n_start : 0; mapping && k < mapping->n_scope;
		     k++) {
			const char *soname = mapping->scope[k].object->soname;
			const char *last = path_name(mapping->scope[k].path);
			matr_nearest_offer(&nearest, soname ? soname : last, NULL);
			matr_nearest_offer(&nearest, last, soname);
		}
	}
	return matr_nearest_fail(&nearest, err, "no such object in the scope of %s",
				 recorded->mapping->scope[0].path);
}

static int find_arrival(const struct recorded *recorded, const struct recorded_loads *loads,
			const char *library, struct arrival *out, struct matr_error *err)
{
	if (matr_mapping_find_object(recorded->mapping, library, &out->index, err) == 0) {
		out->mapping = recorded->mapping;
		return 0;
	}
	if (err->code != MATR_ERROR_NOT_FOUND)
		return -1;
	for (size_t i = 0; i < loads->n_records; i++) {
		const struct matr_mapping *mapping = loads->list[i].mapping;
		for (size_t k = loads->list[i].n_start; mapping && k < mapping->n_scope; k++) {
			if (!matr_object_is_called(mapping->scope[k].object, mapping->scope[k].path,
						   library))
				continue;
			*out = (struct arrival){.mapping = mapping,
						.index = (uint32_t)k,
						.root = loads->records[i].root};
			return 0;
		}
	}
	return no_such_library(recorded, loads, library, err);
}

/* In what is loaded the same library may be there too: by its path. */
static int find_all_bound(const struct recorded_loads *loads, const struct arrival *arrival,
			  const struct matr_mapping *start, struct bound_list *out,
			  struct matr_error *err)
{
	const struct matr_object *object = arrival->mapping->scope[arrival->index].object;
	int result = arrival->root ? 0 : find_bound(start, arrival->index, NULL, out, err);

	for (size_t i = 0; i < loads->n_records && !result; i++) {
		const struct matr_mapping *mapping = loads->list[i].mapping;
		for (uint32_t k = 0; mapping && k < mapping->n_scope && !result; k++)
			if (mapping->scope[k].object == object)
				result = find_bound(mapping, k, loads->records[i].root, out, err);
	}
	return result;
}

int why_library(const struct why *why, const struct recorded *recorded, struct matr_error *err)
{
	struct arrival arrival = {.mapping = NULL};
	struct bound_list bound = {.list = NULL};
	struct recorded_loads loads = {.records = NULL};

	int result = recorded_loads(recorded, &loads, err);
	if (!result)
		result = find_arrival(recorded, &loads, why->asked, &arrival, err);
	if (!result)
		result = arrival_find(&arrival, err);
	if (!result)
		result = find_all_bound(&loads, &arrival, recorded->mapping, &bound, err);
	if (!result)
		result = why->format == FORMAT_JSON	? show_json(&arrival, &bound, err)
			 : format_is_rows(why->format)	? show_rows(why, &arrival, &bound, err)
			 : format_is_graph(why->format) ? show_graph(why, &arrival, &bound, err)
							: show_table(why, &arrival, &bound, err);
	arrival_free(&arrival);
	free(bound.list);
	recorded_loads_free(&loads);
	return result;
}
