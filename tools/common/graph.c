/* graph.c - graphs in the language of graphviz.
 *
 * The writer is our own, graphviz is a program that is run (docs/dependencies.md). Nodes are called
 * n0, n1, ...; what comes from files is in quoted strings only.
 */
#include "common/graph.h"

#include "common/array.h"
#include "common/output.h"
#include "common/safe.h"
#include "common/screen.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ITEMS_SHOWN = 4,  /* beside an edge */
	FOLD_LEAST = 6,	  /* leaves under one node that become one */
	FOLD_SHOWN = 24,  /* of their names */
	NO_FOLD = 0,	  /* of a node: it stands for itself */
	SLOTS_LEAST = 64, /* powers of two */
};

/* ---- putting it together ---- */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return hash;
}

static uint64_t hash_key(const char *key)
{
	return hash_bytes(UINT64_C(0xcbf29ce484222325), key, strlen(key));
}

static uint64_t hash_ends(size_t from, size_t to, unsigned kind)
{
	const size_t ends[] = {from, to, kind};
	return hash_bytes(UINT64_C(0xcbf29ce484222325), ends, sizeof ends);
}

static uint64_t node_hash(const struct graph *graph, size_t index)
{
	return hash_key(graph->nodes[index].key);
}

static uint64_t edge_hash(const struct graph *graph, size_t index)
{
	const struct graph_edge *edge = &graph->edges[index];
	return hash_ends(edge->from, edge->to, edge->kind);
}

/* Make room for one more of n, with at least half of the slots empty. */
static int grow_slots(const struct graph *graph, size_t **slots, size_t *n_slots, size_t n,
		      uint64_t (*hash_of)(const struct graph *, size_t), struct matr_error *err)
{
	if (2 * (n + 1) <= *n_slots)
		return 0;
	size_t size = *n_slots ? 2 * *n_slots : SLOTS_LEAST;
	size_t *grown = calloc(size, sizeof *grown);
	if (!grown)
		return matr_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		size_t at = hash_of(graph, i) & (size - 1);
		while (grown[at])
			at = (at + 1) & (size - 1);
		grown[at] = i + 1;
	}
	free(*slots);
	*slots = grown;
	*n_slots = size;
	return 0;
}

int graph_node(struct graph *graph, const char *key, const char *name, const char *detail,
	       unsigned kind, size_t *index, struct matr_error *err)
{
	if (grow_slots(graph, &graph->slots, &graph->n_slots, graph->n_nodes, node_hash, err) != 0)
		return -1;
	size_t at = hash_key(key) & (graph->n_slots - 1);
	while (graph->slots[at]) {
		*index = graph->slots[at] - 1;
		if (strcmp(graph->nodes[*index].key, key) == 0)
			return 0;
		at = (at + 1) & (graph->n_slots - 1);
	}
	if (array_grow(&graph->nodes, graph->n_nodes, sizeof *graph->nodes, err) != 0)
		return -1;
	struct graph_node node = {.key = strdup(key),
				  .name = strdup(name),
				  .detail = detail ? strdup(detail) : NULL,
				  .kind = kind};
	if (!node.key || !node.name || (detail && !node.detail)) {
		free(node.key);
		free(node.name);
		free(node.detail);
		return matr_fail_memory(err);
	}
	*index = graph->n_nodes;
	graph->slots[at] = graph->n_nodes + 1;
	graph->nodes[graph->n_nodes++] = node;
	return 0;
}

static int add_item(struct graph_edge *edge, const char *item, struct matr_error *err)
{
	if (edge->last && strcmp(edge->last, item) == 0)
		return 0;
	char *last = strdup(item);
	if (!last)
		return matr_fail_memory(err);
	free(edge->last);
	edge->last = last;
	if (edge->n_items++ < ITEMS_SHOWN) {
		if (edge->items.size)
			text_add(&edge->items, "\n", 1);
		text_add_safe(&edge->items, item, strlen(item));
	}
	return edge->items.failed ? matr_fail_memory(err) : 0;
}

int graph_edge(struct graph *graph, size_t from, size_t to, unsigned kind, const char *item,
	       struct matr_error *err)
{
	if (grow_slots(graph, &graph->edge_slots, &graph->n_edge_slots, graph->n_edges, edge_hash,
		       err) != 0)
		return -1;
	size_t at = hash_ends(from, to, kind) & (graph->n_edge_slots - 1);
	struct graph_edge *edge = NULL;
	for (; graph->edge_slots[at]; at = (at + 1) & (graph->n_edge_slots - 1)) {
		edge = &graph->edges[graph->edge_slots[at] - 1];
		if (edge->from == from && edge->to == to && edge->kind == kind)
			return item ? add_item(edge, item, err) : 0;
	}
	if (array_grow(&graph->edges, graph->n_edges, sizeof *graph->edges, err) != 0)
		return -1;
	graph->edge_slots[at] = graph->n_edges + 1;
	edge = &graph->edges[graph->n_edges++];
	*edge = (struct graph_edge){.from = from, .to = to, .kind = kind};
	return item ? add_item(edge, item, err) : 0;
}

void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->n_nodes; i++) {
		free(graph->nodes[i].key);
		free(graph->nodes[i].name);
		free(graph->nodes[i].detail);
	}
	for (size_t i = 0; i < graph->n_edges; i++) {
		text_free(&graph->edges[i].items);
		free(graph->edges[i].last);
	}
	free(graph->nodes);
	free(graph->edges);
	free(graph->slots);
	free(graph->edge_slots);
}

/* ---- quoted strings ---- */

/* Add what is between quotes, in a label. dot reads \N and the like as abbreviations, and &name; as
 * HTML does; line ends become those of a label, justified as `line_end` has it. */
static void add_quoted(struct text *out, const char *bytes, const char *line_end)
{
	for (; *bytes; bytes++) {
		if (*bytes == '\n')
			text_add_string(out, line_end);
		else if (*bytes == '&')
			text_add_string(out, "&amp;");
		else if (*bytes == '"' || *bytes == '\\')
			text_printf(out, "\\%c", *bytes);
		else
			text_add(out, bytes, 1);
	}
}

/* The same for text of unknown origin. */
static void add_name(struct text *out, const char *name)
{
	struct text safe = {0};

	text_add_safe(&safe, name, strlen(name));
	add_quoted(out, text_string(&safe), "\\n");
	out->failed |= safe.failed;
	text_free(&safe);
}

/* ---- leaves of one node that become one ---- */

struct folds {
	size_t *parent; /* of each node: its only neighbour + 1; 0: none, or several */
	size_t *leaves; /* of each node and kind of leaf: how many */
	size_t *first;	/* and the node in whose place they are, + 1 */
	size_t n_kinds;
};

static void folds_free(struct folds *folds)
{
	free(folds->parent);
	free(folds->leaves);
	free(folds->first);
}

static size_t fold_slot(const struct graph *graph, const struct folds *folds, size_t leaf)
{
	return (folds->parent[leaf] - 1) * folds->n_kinds + graph->nodes[leaf].kind;
}

/* A leaf has one edge, to it. */
static int folds_find(const struct graph *graph, struct folds *folds, struct matr_error *err)
{
	size_t n = graph->n_nodes, n_kinds = graph->n_node_kinds;
	bool *inner = calloc(n + 1, sizeof *inner);

	*folds = (struct folds){
		.parent = calloc(n + 1, sizeof(size_t)),
		.leaves = calloc(n * n_kinds + 1, sizeof(size_t)),
		.first = calloc(n * n_kinds + 1, sizeof(size_t)),
		.n_kinds = n_kinds,
	};
	if (!inner || !folds->parent || !folds->leaves || !folds->first) {
		free(inner);
		return matr_fail_memory(err);
	}
	for (size_t i = 0; i < graph->n_edges && graph->fold; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		inner[edge->from] = true;
		if (folds->parent[edge->to])
			inner[edge->to] = true;
		folds->parent[edge->to] = edge->from + 1;
	}
	for (size_t i = 0; i < n; i++) {
		if (inner[i])
			folds->parent[i] = 0;
		if (folds->parent[i] && !folds->leaves[fold_slot(graph, folds, i)]++)
			folds->first[fold_slot(graph, folds, i)] = i + 1;
	}
	free(inner);
	return 0;
}

/* The node in whose place this one is; itself, mostly. */
static size_t folded_into(const struct graph *graph, const struct folds *folds, size_t node)
{
	if (!folds->parent[node] || folds->leaves[fold_slot(graph, folds, node)] < FOLD_LEAST)
		return node;
	return folds->first[fold_slot(graph, folds, node)] - 1;
}

static void add_folded(struct text *out, const struct graph *graph, const struct folds *folds,
		       size_t node)
{
	size_t n = folds->leaves[fold_slot(graph, folds, node)], shown = 0;

	text_printf(out, "%zu:\\l", n);
	for (size_t i = node; i < graph->n_nodes && shown < FOLD_SHOWN; i++) {
		if (folded_into(graph, folds, i) != node)
			continue;
		add_name(out, graph->nodes[i].name);
		text_add_string(out, "\\l");
		shown++;
	}
	if (n > shown)
		text_printf(out, "and %zu more\\l", n - shown);
}

/* ---- dot ---- */

static void add_nodes(struct text *out, const struct graph *graph, const struct folds *folds,
		      bool *used)
{
	for (size_t i = 0; i < graph->n_nodes; i++) {
		const struct graph_node *node = &graph->nodes[i];
		if (folded_into(graph, folds, i) != i)
			continue;
		used[node->kind] = true;
		text_printf(out, "\tn%zu [label=\"", i);
		if (folds->parent[i] && folds->leaves[fold_slot(graph, folds, i)] >= FOLD_LEAST) {
			add_folded(out, graph, folds, i);
		} else {
			add_name(out, node->name);
			if (node->detail) {
				text_add_string(out, "\\n");
				add_name(out, node->detail);
			}
		}
		text_add_string(out, "\", tooltip=\"");
		add_name(out, node->key);
		text_printf(out, "\", %s];\n", graph->node_kinds[node->kind].attributes);
	}
}

static void add_edges(struct text *out, const struct graph *graph, const struct folds *folds,
		      bool *used)
{
	for (size_t i = 0; i < graph->n_edges; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		if (folded_into(graph, folds, edge->to) != edge->to)
			continue;
		used[edge->kind] = true;
		text_printf(out, "\tn%zu -> n%zu [%s", edge->from, edge->to,
			    graph->edge_kinds[edge->kind].attributes);
		if (edge->n_items) {
			text_add_string(out, ", label=\"");
			add_quoted(out, text_string(&edge->items), "\\l");
			text_add_string(out, "\\l");
			if (edge->n_items > ITEMS_SHOWN)
				text_printf(out, "and %zu more\\l", edge->n_items - ITEMS_SHOWN);
			text_add_string(out, "\"");
		}
		text_add_string(out, "];\n");
	}
}

/* Draw a legend: a sample of each kind in a box. */
static void add_legend(struct text *out, const struct graph *graph, const bool *nodes,
		       const bool *edges)
{
	text_add_string(out, "\tsubgraph cluster_legend {\n"
			     "\t\tlabel=\"Legend\"; labeljust=l; style=\"rounded\"; "
			     "color=\"#aaaaaa\"; fontcolor=\"#555555\"; fontsize=11;\n");
	for (size_t i = 0; i < graph->n_node_kinds; i++)
		if (nodes[i] && graph->node_kinds[i].meaning)
			text_printf(out, "\t\tlegend_node_%zu [label=\"%s\", %s];\n", i,
				    graph->node_kinds[i].meaning, graph->node_kinds[i].attributes);
	for (size_t i = 0; i < graph->n_edge_kinds; i++) {
		if (!edges[i] || !graph->edge_kinds[i].meaning)
			continue;
		text_printf(out,
			    "\t\tlegend_from_%zu [shape=point, width=0.04, label=\"\"];\n"
			    "\t\tlegend_to_%zu [shape=plaintext, style=\"\", label=\"%s\"];\n"
			    "\t\tlegend_from_%zu -> legend_to_%zu [%s];\n",
			    i, i, graph->edge_kinds[i].meaning, i, i,
			    graph->edge_kinds[i].attributes);
	}
	text_add_string(out, "\t}\n");
}

static int add_dot(struct text *out, const struct graph *graph, struct matr_error *err)
{
	bool *used = calloc(graph->n_node_kinds + graph->n_edge_kinds + 1, sizeof *used);
	struct folds folds = {.parent = NULL};

	int result = used ? folds_find(graph, &folds, err) : matr_fail_memory(err);
	if (result == 0) {
		text_add_string(out,
				"digraph matr {\n\tgraph [rankdir=LR, bgcolor=white, "
				"fontname=\"sans-serif\", fontsize=16, labelloc=t, nodesep=0.12, "
				"ranksep=0.6, label=\"");
		add_name(out, graph->title);
		if (graph->left_out)
			text_printf(out,
				    "\\n%zu more dependencies are left out: each goes to a "
				    "library that is drawn",
				    graph->left_out);
		text_add_string(
			out,
			"\"];\n\tnode [shape=box, style=\"filled,rounded\", "
			"fontname=\"sans-serif\", fontsize=11, height=0.25, margin=\"0.08,0.04\", "
			"color=\"#666666\"];\n\tedge [fontname=\"sans-serif\", fontsize=9, "
			"arrowsize=0.6];\n");
		add_nodes(out, graph, &folds, used);
		add_edges(out, graph, &folds, used + graph->n_node_kinds);
		if (graph->n_nodes == 0)
			text_add_string(out, "\tempty [shape=plaintext, style=\"\", "
					     "label=\"There is nothing to draw.\"];\n");
		else
			add_legend(out, graph, used, used + graph->n_node_kinds);
		text_add_string(out, "}\n");
	}
	free(used);
	folds_free(&folds);
	return result == 0 && out->failed ? matr_fail_memory(err) : result;
}

/* ---- SVG ---- */

/* An unnamed file in memory: dot's input, that has an end without a thread that writes it. */
static int memory_file(const struct text *text, struct matr_error *err)
{
	int fd = memfd_create("matr-graph", MFD_CLOEXEC);
	const char *at = text->bytes;

	if (fd < 0)
		return matr_fail_errno(err, NULL, "no file in memory");
	for (size_t left = text->size; left;) {
		ssize_t n = write(fd, at, left);
		if (n < 0) {
			matr_fail_errno(err, NULL, "a file in memory cannot be written");
			close(fd);
			return -1;
		}
		at += n;
		left -= (size_t)n;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int draw(const struct text *text, struct matr_error *err)
{
	static char *const arguments[] = {(char *)"dot", (char *)"-Tsvg", NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;

	if (output_flush(err) != 0)
		return -1;
	int fd = memory_file(text, err);
	if (fd < 0)
		return -1;
	int error = posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
		if (error == 0)
			error = posix_spawnp(&pid, arguments[0], &actions, NULL, arguments,
					     environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(fd);
	if (error == ENOENT)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, "dot",
				 "is not installed (Debian: graphviz); "
				 "--format dot is what it would be given");
	if (error != 0)
		return matr_fail(err, MATR_ERROR_SYSTEM, "dot", "cannot be run: %s",
				 strerror(error));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return matr_fail_errno(err, "dot", "cannot be waited for");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return matr_fail(err, MATR_ERROR_SYSTEM, "dot", "has failed");
	return 0;
}

int graph_show(const struct graph *graph, enum output_format format, struct matr_error *err)
{
	struct text text = {0};

	int result = add_dot(&text, graph, err);
	if (result == 0 && format == FORMAT_SVG) {
		result = draw(&text, err);
	} else if (result == 0) {
		screen_wrap(false);
		fwrite(text.bytes, 1, text.size, stdout);
		result = output_flush(err);
	}
	text_free(&text);
	return result;
}
