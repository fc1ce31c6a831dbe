/* tree.h - the parts of `matr tree`. */
#ifndef MATR_TOOLS_QUERY_TREE_H
#define MATR_TOOLS_QUERY_TREE_H

#include "common/output.h"
#include "common/recorded.h"

#include <matr/explain.h>

/* Draw the tree as a graph, FORMAT_DOT or FORMAT_SVG (tree_graph.c). */
int tree_graph(const struct recorded *recorded, enum output_format format, struct matr_error *err);

#endif
