/* exposed_graph.c - what is bound to, the objects that do, and the packages whose programs have
 * these in them. A node per program would be too many. */
#include "matr/query/exposed_graph.h"

#include "common/path.h"

#include <stdio.h>
#include <string.h>

enum node { ITEM, REQUESTER, PACKAGE, PROGRAM, NODES };

static const struct graph_kind nodes[NODES] = {
	[ITEM] = {"what is bound to", "fillcolor=\"#c0392b\", fontcolor=white"},
	[REQUESTER] = {"library that binds to it", "fillcolor=\"#f6c48f\""},
	[PACKAGE] = {"package with programs that do, or load such a library",
		     "fillcolor=\"#cfe3f7\""},
	[PROGRAM] = {"program of no package", "fillcolor=\"#e4e4e4\""},
};

enum edge { BINDS, LOADS, EDGES };

/* Drawn from the item on, so that it is on the left; the arrows are those of the bindings. */
static const struct graph_kind edges[EDGES] = {
	[BINDS] = {"binds to it, or has it in its programs (named beside)",
		   "dir=back, color=\"#555555\""},
	[LOADS] = {"loads it with dlopen()", "dir=back, color=\"#3b8a3a\", style=dashed"},
};

void exposed_graph_open(struct exposed_graph *graph)
{
	*graph = (struct exposed_graph){.graph = {.title = "Who is exposed",
						  .node_kinds = nodes,
						  .edge_kinds = edges,
						  .n_node_kinds = NODES,
						  .n_edge_kinds = EDGES,
						  .fold = true}};
}

int exposed_graph_add(struct exposed_graph *graph, const char *item, const char *package,
		      const struct matr_exposed *exposed, struct matr_error *err)
{
	bool itself = strcmp(exposed->program, exposed->requester) == 0;
	const char *program = path_name(exposed->program);
	struct graph *to = &graph->graph;
	struct text key = {0};
	size_t from, requester, end;

	text_printf(&key, "%s:%s", package ? "package" : "program",
		    package ? package : exposed->program);
	if (key.failed || graph_node(to, item, item, NULL, ITEM, &from, err) != 0 ||
	    graph_node(to, text_string(&key), package ? package : program, NULL,
		       package ? PACKAGE : PROGRAM, &end, err) != 0) {
		text_free(&key);
		return key.failed ? matr_fail_memory(err) : -1;
	}
	text_free(&key);
	if (itself)
		return graph_edge(to, from, end, BINDS, package ? program : NULL, err);
	if (graph_node(to, exposed->requester, path_name(exposed->requester), NULL, REQUESTER,
		       &requester, err) != 0 ||
	    graph_edge(to, from, requester, BINDS, NULL, err) != 0)
		return -1;
	return graph_edge(to, requester, end, exposed->loaded ? LOADS : BINDS,
			  package ? program : NULL, err);
}
