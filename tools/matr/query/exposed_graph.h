/* exposed_graph.h - matr exposed --format dot, svg. */
#ifndef MATR_TOOLS_QUERY_EXPOSED_GRAPH_H
#define MATR_TOOLS_QUERY_EXPOSED_GRAPH_H

#include "common/graph.h"

#include <matr/exposure.h>

struct exposed_graph {
	struct graph graph; /* graph_show(), graph_free() */
};

void exposed_graph_open(struct exposed_graph *graph);

/* An object that binds to the item, in a program of a package (NULL: of none). */
int exposed_graph_add(struct exposed_graph *graph, const char *item, const char *package,
		      const struct matr_exposed *exposed, struct matr_error *err);

#endif
