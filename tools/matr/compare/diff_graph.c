/* diff_graph.c - the differences between mappings as a graph.
 *
 * Objects that many programs have in common are one node each, with the number of programs. What
 * only appears on one side of a binding is drawn too, in grey.
 */
#include "matr/compare/diff_graph.h"

#include "common/array.h"
#include "common/path.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum node { ALL, ADDED, REMOVED, MOVED, REPLACED, SAME, NODES };

static const struct graph_kind nodes[NODES] = {
	[ALL] = {NULL, "fillcolor=\"#1f3b5b\", fontcolor=white"},
	[ADDED] = {"is new", "fillcolor=\"#c9e8c5\""},
	[REMOVED] = {"is gone", "fillcolor=\"#f5c6c4\""},
	[MOVED] = {"is found elsewhere", "fillcolor=\"#dccff0\""},
	[REPLACED] = {"another file at the same path", "fillcolor=\"#fbe3bd\""},
	[SAME] = {"has not changed", "fillcolor=\"#eeeeee\""},
};

enum edge { PROGRAM, NOW, BEFORE, EDGES };

static const struct graph_kind edges[EDGES] = {
	[PROGRAM] = {NULL, "color=\"#aaaaaa\""},
	[NOW] = {"binds to it now", "color=\"#2c7a2b\", fontcolor=\"#2c7a2b\""},
	[BEFORE] = {"bound to it before", "color=\"#b3312c\", fontcolor=\"#b3312c\", style=dashed"},
};

static const enum node node_of_change[MATR_CHANGES] = {
	[MATR_CHANGE_ADDED] = ADDED,
	[MATR_CHANGE_REMOVED] = REMOVED,
	[MATR_CHANGE_MOVED] = MOVED,
	[MATR_CHANGE_REPLACED] = REPLACED,
};

void diff_graph_open(struct diff_graph *graph, const char *title, const char *symbol)
{
	*graph = (struct diff_graph){
		.graph = {.title = title,
			  .node_kinds = nodes,
			  .edge_kinds = edges,
			  .n_node_kinds = NODES,
			  .n_edge_kinds = EDGES,
			  .fold = true},
		.symbol = symbol,
	};
}

void diff_graph_free(struct diff_graph *graph)
{
	graph_free(&graph->graph);
	free(graph->programs);
}

static int add_node(struct diff_graph *graph, const char *path, enum node kind, size_t *id,
		    struct matr_error *err)
{
	if (graph_node(&graph->graph, path, path_name(path), NULL, kind, id, err) != 0)
		return -1;
	while (graph->n_programs < graph->graph.n_nodes) {
		if (array_grow(&graph->programs, graph->n_programs, sizeof *graph->programs, err) !=
		    0)
			return -1;
		graph->programs[graph->n_programs++] = 0;
	}
	return 0;
}

static int add_object(struct diff_graph *graph, const struct matr_object_change *change,
		      struct matr_error *err)
{
	const char *path = change->after ? change->after : change->before;
	size_t id;

	if (add_node(graph, path, node_of_change[change->change], &id, err) != 0)
		return -1;
	graph->programs[id]++;
	return 0;
}

static int add_side(struct diff_graph *graph, size_t requester, const char *provider,
		    enum edge kind, const char *symbol, struct matr_error *err)
{
	size_t id;

	if (!provider)
		return 0;
	if (add_node(graph, provider, SAME, &id, err) != 0)
		return -1;
	return graph_edge(&graph->graph, requester, id, kind, symbol, err);
}

static int add_binding(struct diff_graph *graph, const struct matr_binding_change *change,
		       struct matr_error *err)
{
	size_t requester;

	if (graph->symbol && fnmatch(graph->symbol, change->symbol, 0) != 0)
		return 0;
	graph->different = true;
	if (add_node(graph, change->requester, SAME, &requester, err) != 0 ||
	    add_side(graph, requester, change->before, BEFORE, change->symbol, err) != 0)
		return -1;
	return add_side(graph, requester, change->after, NOW, change->symbol, err);
}

static int add_diff(struct diff_graph *graph, const struct matr_diff *diff, struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < diff->n_objects && result == 0 && !graph->symbol; i++) {
		graph->different = true;
		result = add_object(graph, &diff->objects[i], err);
	}
	if (!graph->symbol)
		graph->different |= diff->reordered;
	for (size_t i = 0; i < diff->n_bindings && result == 0; i++)
		result = add_binding(graph, &diff->bindings[i], err);
	return result;
}

/* A program that came, went, is declined, or is not any more. */
static int add_program(struct diff_graph *graph, const struct matr_program_pair *pair,
		       enum matr_program_change change, struct matr_error *err)
{
	bool is_there = change == MATR_PROGRAM_ADDED || change == MATR_PROGRAM_ACCEPTED;
	size_t all, id;

	if (graph->symbol)
		return 0;
	graph->different = true;
	if (add_node(graph, "programs", ALL, &all, err) != 0 ||
	    add_node(graph, pair->path, is_there ? ADDED : REMOVED, &id, err) != 0)
		return -1;
	return graph_edge(&graph->graph, all, id, PROGRAM, matr_program_change_name(change), err);
}

int diff_graph_add(struct diff_graph *graph, const struct matr_program_pair *pair,
		   const struct matr_application_diff *diff, struct matr_error *err)
{
	if (!diff) {
		enum matr_program_change change = matr_program_change_of(pair);
		if (change == MATR_PROGRAM_SAME || change == MATR_PROGRAM_CHANGED ||
		    change == MATR_PROGRAM_STILL_DECLINED)
			return 0;
		return add_program(graph, pair, change, err);
	}
	int result = add_diff(graph, &diff->start, err);
	for (size_t i = 0; i < diff->n_loads && result == 0; i++)
		result = add_diff(graph, &diff->loads[i].diff, err);
	return result;
}

int diff_graph_show(struct diff_graph *graph, enum output_format format, struct matr_error *err)
{
	char detail[48];

	for (size_t i = 0; i < graph->n_programs; i++) {
		struct graph_node *node = &graph->graph.nodes[i];
		if (graph->programs[i] < 2)
			continue;
		snprintf(detail, sizeof detail, "in %zu programs", graph->programs[i]);
		free(node->detail);
		node->detail = strdup(detail);
		if (!node->detail)
			return matr_fail_memory(err);
	}
	return graph_show(&graph->graph, format, err);
}
