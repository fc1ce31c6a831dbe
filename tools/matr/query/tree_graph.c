/* tree_graph.c - matr tree --format dot, svg: the objects of a program and what they need.
 *
 * In a large scope nearly everything needs libc and a dozen others, which hides the rest. There
 * only the dependency is drawn that brings an object in.
 */
#include "matr/query/tree.h"

#include "common/graph.h"
#include "common/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_EDGES_MAX = 16 }; /* objects */

enum node { PROGRAM, USED, UNUSED, LOADED, ADDED, NODES };

static const struct graph_kind nodes[NODES] = {
	[PROGRAM] = {"the program", "fillcolor=\"#1f3b5b\", fontcolor=white"},
	[USED] = {"something binds to it", "fillcolor=\"#cfe3f7\""},
	[UNUSED] = {"nothing binds to it",
		    "fillcolor=\"#fbe3bd\", style=\"filled,rounded,dashed\""},
	[LOADED] = {"comes with a dlopen()", "fillcolor=\"#d3ecd0\""},
	[ADDED] = {"preloaded, or added by an edit", "fillcolor=\"#e9d4ef\""},
};

enum edge { BRINGS, NEEDS, LOADS, EDGES };

static const struct graph_kind edges[EDGES] = {
	[BRINGS] = {"needs it and brings it in", "color=\"#444444\""},
	[NEEDS] = {"needs it too", "color=\"#aaaaaa\", style=dashed"},
	[LOADS] = {"loads it with dlopen()", "color=\"#3b8a3a\", penwidth=1.5"},
};

struct drawing {
	struct graph graph;
	const struct matr_mapping *mapping;
	size_t first;	    /* objects before that were drawn with the start */
	size_t *ids;	    /* of scope indices */
	bool *used;	    /* the same: another object binds to it */
	size_t *references; /* from the object that is looked at, by provider */
	bool every_edge;
};

static int add_object(struct drawing *drawing, uint32_t index, struct matr_error *err)
{
	const struct matr_scope_entry *entry = &drawing->mapping->scope[index];
	const char *path = recorded_path(drawing->mapping, index);
	char directory[PATH_MAX];
	bool usual = entry->rule == MATR_FOUND_CACHE || entry->rule == MATR_FOUND_DEFAULT ||
		     entry->rule == MATR_FOUND_INTERPRETER;
	enum node kind = index == 0						      ? PROGRAM
			 : drawing->first > 1					      ? LOADED
			 : !entry->needed_as && entry->rule != MATR_FOUND_INTERPRETER ? ADDED
			 : drawing->used[index]					      ? USED
										      : UNUSED;

	snprintf(directory, sizeof directory, "%.*s", (int)path_directory(path), path);
	return graph_node(&drawing->graph, path, path_name(path), usual ? NULL : directory, kind,
			  &drawing->ids[index], err);
}

/* The references of one object to each of the others. */
static void count_references(struct drawing *drawing, uint32_t index)
{
	const struct matr_mapping *mapping = drawing->mapping;
	const struct matr_binding *bindings = mapping->objects[index].bindings;
	size_t n = bindings ? mapping->scope[index].object->n_relocations : 0;

	memset(drawing->references, 0, mapping->n_scope * sizeof(size_t));
	for (size_t i = 0; i < n; i++)
		if (bindings[i].provider < mapping->n_scope)
			drawing->references[bindings[i].provider]++;
}

static int add_needs(struct drawing *drawing, const struct matr_need *needs, size_t n,
		     struct matr_error *err)
{
	uint32_t requester = UINT32_MAX;
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++) {
		const struct matr_need *need = &needs[i];
		bool brings = drawing->mapping->scope[need->object].loaded_by == need->requester &&
			      need->object >= drawing->first;
		char item[48];
		if (need->requester < drawing->first && drawing->first > 1)
			continue;
		if (!brings && !drawing->every_edge) {
			drawing->graph.left_out++;
			continue;
		}
		if (need->requester != requester)
			count_references(drawing, requester = need->requester);
		size_t references = drawing->references[need->object];
		snprintf(item, sizeof item, "%zu reference%s", references,
			 references == 1 ? "" : "s");
		result = graph_edge(&drawing->graph, drawing->ids[need->requester],
				    drawing->ids[need->object], brings ? BRINGS : NEEDS,
				    references ? item : NULL, err);
	}
	return result;
}

static void find_used(struct drawing *drawing)
{
	for (uint32_t i = 0; i < drawing->mapping->n_scope; i++) {
		count_references(drawing, i);
		for (uint32_t k = 0; k < drawing->mapping->n_scope; k++)
			drawing->used[k] |= k != i && drawing->references[k];
	}
}

/* The objects of a mapping from `first` on. In a closure the first one is what is loaded. */
static int add_mapping(struct drawing *drawing, const struct matr_mapping *mapping, size_t first,
		       struct matr_error *err)
{
	struct matr_need *needs = NULL;
	size_t n = 0;

	drawing->mapping = mapping;
	drawing->first = first;
	drawing->ids = calloc(mapping->n_scope, sizeof(size_t));
	drawing->used = calloc(mapping->n_scope, sizeof(bool));
	drawing->references = calloc(mapping->n_scope, sizeof(size_t));
	int result =
		drawing->ids && drawing->used && drawing->references ? 0 : matr_fail_memory(err);
	if (result == 0)
		find_used(drawing);
	for (uint32_t i = 0; i < mapping->n_scope && result == 0; i++)
		result = add_object(drawing, i, err);
	if (result == 0)
		result = matr_needs(mapping, &needs, &n, err);
	if (result == 0)
		result = add_needs(drawing, needs, n, err);
	if (result == 0 && first > 1)
		result = graph_edge(&drawing->graph, drawing->ids[0], drawing->ids[first], LOADS,
				    NULL, err);
	free(needs);
	free(drawing->ids);
	free(drawing->used);
	free(drawing->references);
	return result;
}

int tree_graph(const struct recorded *recorded, enum output_format format, struct matr_error *err)
{
	struct drawing drawing = {
		.graph = {.title = recorded_path(recorded->mapping, 0),
			  .node_kinds = nodes,
			  .edge_kinds = edges,
			  .n_node_kinds = NODES,
			  .n_edge_kinds = EDGES},
	};
	struct recorded_loads loads;

	int result = recorded_loads(recorded, &loads, err);
	size_t n = recorded->mapping->n_scope;
	for (size_t i = 0; i < loads.n_records && result == 0; i++)
		if (loads.list[i].mapping)
			n += loads.list[i].mapping->n_scope - loads.list[i].n_start;
	drawing.every_edge = n <= ALL_EDGES_MAX;
	drawing.graph.fold = !drawing.every_edge;
	if (result == 0)
		result = add_mapping(&drawing, recorded->mapping, 1, err);
	for (size_t i = 0; i < loads.n_records && result == 0; i++) {
		const struct matr_closure *closure = &loads.list[i];
		if (closure->mapping && closure->n_start < closure->mapping->n_scope)
			result = add_mapping(&drawing, closure->mapping, closure->n_start, err);
	}
	if (result == 0)
		result = graph_show(&drawing.graph, format, err);
	graph_free(&drawing.graph);
	recorded_loads_free(&loads);
	return result;
}
