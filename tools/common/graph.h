/* graph.h - graphs for people: in the language of graphviz (dot), or as SVG, which its program
 * `dot` draws.
 *
 * A command gives its kinds of nodes and edges, with what they mean; the kinds that occur are
 * explained in a legend. Names may be of any bytes (safe.h).
 */
#ifndef MATR_TOOLS_COMMON_GRAPH_H
#define MATR_TOOLS_COMMON_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#include "common/format.h"
#include "common/text.h"

/* The reason why a command with --root has no svg: it would run a program of the tree. */
#define GRAPH_NO_SVG "svg runs graphviz, which would be the tree's: --format dot"

struct graph_kind {
	const char *meaning;	/* for the legend; NULL: it needs no explanation */
	const char *attributes; /* in dot's language: "fillcolor=\"#dddddd\"" */
};

struct graph_node {
	char *key, *name, *detail; /* detail: a second line; NULL: none */
	unsigned kind;
};

struct graph_edge {
	size_t from, to;
	unsigned kind;
	size_t n_items;	   /* different ones in a row */
	struct text items; /* the first of them, a line each */
	char *last;	   /* to see whether the next one is different */
};

struct graph {
	const char *title;
	const struct graph_kind *node_kinds, *edge_kinds;
	size_t n_node_kinds, n_edge_kinds;
	bool fold; /* many leaves under one node become one */
	struct graph_node *nodes;
	size_t n_nodes;
	struct graph_edge *edges;
	size_t n_edges;
	size_t *slots; /* hash table of keys: index + 1 */
	size_t n_slots;
	size_t *edge_slots; /* the same for the ends of edges */
	size_t n_edge_slots;
	size_t left_out; /* in the caption: edges that the command did not draw */
};

/* The node with that key, which is added unless it is there; then it stays as it was.
 * name, detail: are copied; detail NULL: none.
 * Returns 0 and *index, or -1: MEMORY. */
int graph_node(struct graph *graph, const char *key, const char *name, const char *detail,
	       unsigned kind, size_t *index, struct matr_error *err);

/* An edge. The same edge again only adds its item.
 * item: a word that stands beside it, such as a symbol; NULL: none. */
int graph_edge(struct graph *graph, size_t from, size_t to, unsigned kind, const char *item,
	       struct matr_error *err);

/* Print the graph on standard output, as FORMAT_DOT or FORMAT_SVG.
 * Errors: NOT_FOUND (SVG, and graphviz is not installed), SYSTEM, MEMORY. */
int graph_show(const struct graph *graph, enum output_format format, struct matr_error *err);

void graph_free(struct graph *graph);

#endif
