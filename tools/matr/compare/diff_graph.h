/* diff_graph.h - matr diff --format dot, svg: which objects came, went or were replaced, and where
 * bindings go now. */
#ifndef MATR_TOOLS_COMPARE_DIFF_GRAPH_H
#define MATR_TOOLS_COMPARE_DIFF_GRAPH_H

#include "common/graph.h"

#include <matr/diff_epochs.h>

struct diff_graph {
	struct graph graph;
	size_t *programs; /* of each node: how many programs have the change */
	size_t n_programs;
	const char *symbol; /* glob: only bindings of these symbols; NULL: everything */
	bool different;
};

void diff_graph_open(struct diff_graph *graph, const char *title, const char *symbol);

/* A program of both sides; diff NULL: it is equal, or one side has not mapped it. */
int diff_graph_add(struct diff_graph *graph, const struct matr_program_pair *pair,
		   const struct matr_application_diff *diff, struct matr_error *err);

int diff_graph_show(struct diff_graph *graph, enum output_format format, struct matr_error *err);
void diff_graph_free(struct diff_graph *graph);

#endif
