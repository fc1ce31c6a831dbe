/* tree.c - matr tree: the dependences of objects, drawn.
 *
 * An object has its own subtree where it was loaded first (loaded_by), which is under exactly one
 * parent; wherever else it is needed it is a leaf, marked with (*) if it has dependencies. What the
 * program loads with dlopen() (its closures) has trees of its own after that of the start, in which
 * objects of the start are leaves.
 */
#include "matr/query/tree.h"
#include "common/dlopen_notes.h"
#include "common/graph.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/recorded.h"
#include "common/resolved.h"
#include "common/terminal.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/explain.h>
#include <matr/names.h>

static const char help[] =
	"usage: matr tree [OPTION]... PROGRAM\n"
	"\n"
	"Draw which object needs which, by DT_NEEDED: the name that is needed, the file, and how\n"
	"it was found. An object's own dependencies are drawn where it was loaded first; (*)\n"
	"marks where they are left out. Objects that nothing binds to say so. What the program\n"
	"loads with dlopen(), as recorded (`matr record`), comes after that, and then what else\n"
	"its objects say that they may load (.note.dlopen). A program that is not in the epoch is\n"
	"resolved at once, as its files are now.\n";

static const char help_after[] =
	"Exit status: 0 success; 1 failure, or there is no such program; 2 usage.\n"
	"\n"
	"  matr tree git\n"
	"  matr tree --format json --epoch previous python3\n"
	"  matr tree --format svg clang >clang.svg\n"
	"  matr tree --env LD_LIBRARY_PATH=/opt/new/lib ./app\n";

struct tree {
	const struct matr_mapping *mapping;
	struct matr_need *needs;
	size_t n_needs;
	bool *used;  /* by scope index: some other object binds to it */
	bool *drawn; /* its subtree */
};

static void find_used(const struct matr_mapping *mapping, bool *used)
{
	used[0] = true;
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_binding *bindings = mapping->objects[i].bindings;
		size_t n = bindings ? mapping->scope[i].object->n_relocations : 0;
		for (size_t k = 0; k < n; k++)
			if (bindings[k].provider < mapping->n_scope && bindings[k].provider != i)
				used[bindings[k].provider] = true;
	}
}

static bool has_needs(const struct tree *tree, uint32_t index)
{
	return tree->mapping->scope[index].object->n_needed > 0;
}

/* The subtree belongs here: this is what loaded it, and it was not drawn yet (an object may name
 * another twice). */
static bool is_first(struct tree *tree, uint32_t parent, uint32_t index)
{
	bool first = tree->mapping->scope[index].loaded_by == parent && !tree->drawn[index];

	if (first)
		tree->drawn[index] = true;
	return first;
}

/* The place of the parent's next dependency from `at` on, with preloaded objects after those of
 * the application; n_needs: no more. */
static size_t next_need(const struct tree *tree, uint32_t parent, size_t at)
{
	while (at < tree->n_needs && tree->needs[at].requester != parent)
		at++;
	return at;
}

/* Columns of a terminal from which on branches are drawn at length. */
enum { WIDE = 60 };

static void draw(struct tree *tree, uint32_t parent, const char *indent)
{
	size_t length = strlen(indent), screen = terminal_width();
	bool narrow = screen && screen < WIDE;
	char *deeper = malloc(length + 8);

	if (!deeper)
		return;
	for (size_t at = next_need(tree, parent, 0), next; at < tree->n_needs; at = next) {
		uint32_t index = tree->needs[at].object;
		next = next_need(tree, parent, at + 1);
		bool first = is_first(tree, parent, index), last = next == tree->n_needs;
		safe_printf("%s%s%s => %s (%s)%s%s\n", indent,
			    narrow ? (last ? "`-" : "|-") : (last ? "`-- " : "|-- "),
			    tree->needs[at].name, recorded_path(tree->mapping, index),
			    matr_search_rule_name(tree->mapping->scope[index].rule),
			    tree->used[index] ? "" : " [nothing binds to it]",
			    !first && has_needs(tree, index) ? " (*)" : "");
		sprintf(deeper, "%s%s%s", indent, last ? " " : "|", narrow ? " " : "   ");
		if (first)
			draw(tree, index, deeper);
	}
	free(deeper);
}

static struct json_object *node(struct tree *tree, uint32_t index, const char *name, bool first)
{
	struct json_object *object = json_object_new_object(), *children = json_object_new_array();

	if (name)
		json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "path",
			       json_object_new_string(recorded_path(tree->mapping, index)));
	json_object_object_add(object, "position", json_object_new_int64(index));
	json_object_object_add(
		object, "found_by",
		json_object_new_string(matr_search_rule_name(tree->mapping->scope[index].rule)));
	json_object_object_add(object, "used", json_object_new_boolean(tree->used[index]));
	json_object_object_add(object, "repeated", json_object_new_boolean(!first));
	for (size_t at = next_need(tree, index, 0); first && at < tree->n_needs;
	     at = next_need(tree, index, at + 1)) {
		uint32_t child = tree->needs[at].object;
		json_object_array_add(children, node(tree, child, tree->needs[at].name,
						     is_first(tree, index, child)));
	}
	json_object_object_add(object, "needs", children);
	return object;
}

/* Objects that no DT_NEEDED entry leads to: from /etc/ld.so.preload, or added by an edit. */
static void draw_others(struct tree *tree)
{
	for (uint32_t i = 1; i < tree->mapping->n_scope; i++) {
		if (tree->drawn[i] || tree->mapping->scope[i].needed_as)
			continue;
		tree->drawn[i] = true;
		safe_printf("%s (%s)\n", recorded_path(tree->mapping, i),
			    matr_search_rule_name(tree->mapping->scope[i].rule));
		draw(tree, i, "");
	}
}

static void tree_close(struct tree *tree)
{
	free(tree->needs);
	free(tree->used);
	free(tree->drawn);
}

/* A tree of the mapping in which the objects before `first` need no drawing any more. To be
 * closed also after an error. */
static int tree_open(struct tree *tree, const struct matr_mapping *mapping, size_t first,
		     struct matr_error *err)
{
	*tree = (struct tree){
		.mapping = mapping,
		.used = calloc(mapping->n_scope, sizeof(bool)),
		.drawn = calloc(mapping->n_scope, sizeof(bool)),
	};
	if (!tree->used || !tree->drawn)
		return matr_fail_memory(err);
	find_used(mapping, tree->used);
	for (size_t i = 0; i < first; i++)
		tree->used[i] = tree->drawn[i] = true;
	return matr_needs(mapping, &tree->needs, &tree->n_needs, err);
}

/* A closure's tree, which begins with its root, and the objects that load it. */
static int show_closure(const struct matr_closure *closure, struct json_object *loads,
			struct matr_error *err)
{
	struct tree tree;
	uint32_t root = closure->n_start;

	int result = tree_open(&tree, closure->mapping, root, err);
	if (!result) {
		tree.drawn[root] = tree.used[root] = true;
		if (loads) {
			json_object_array_add(loads, node(&tree, root, NULL, true));
		} else {
			safe_printf("dlopen: %s\n", recorded_path(closure->mapping, root));
			draw(&tree, root, "");
		}
	}
	tree_close(&tree);
	return result;
}

static int show_closures(const struct recorded *recorded, struct json_object *out,
			 struct matr_error *err)
{
	struct recorded_loads loads;

	int result = recorded_loads(recorded, &loads, err);
	for (size_t i = 0; i < loads.n_records && !result; i++) {
		const struct matr_closure *closure = &loads.list[i];
		if (closure->mapping && closure->n_start < closure->mapping->n_scope)
			result = show_closure(closure, out, err);
	}
	recorded_loads_free(&loads);
	return result;
}

/* ---- libraries that may be loaded ---- */

static bool is_there(const struct matr_mapping *mapping, const char *soname)
{
	for (size_t i = 0; i < mapping->n_scope; i++) {
		if (matr_object_is_called(mapping->scope[i].object, mapping->scope[i].path, soname))
			return true;
	}
	return false;
}

/* Test whether one of the alternatives is loaded, at the start or later as recorded. */
static bool is_loaded(const struct recorded *recorded, const struct recorded_loads *loads,
		      const struct candidate *candidate)
{
	for (size_t i = 0; i < candidate->n_sonames; i++) {
		if (is_there(recorded->mapping, candidate->sonames[i]))
			return true;
		for (size_t k = 0; k < loads->n_records; k++) {
			if (loads->list[k].mapping &&
			    is_there(loads->list[k].mapping, candidate->sonames[i]))
				return true;
		}
	}
	return false;
}

static void show_candidate(const struct candidate *candidate, const char *object, bool first)
{
	if (first)
		puts("may be loaded:");
	for (size_t i = 0; i < candidate->n_sonames; i++)
		safe_printf("%s%s", i ? " or " : "    ", candidate->sonames[i]);
	safe_printf(" (by %s", path_name(object));
	if (candidate->feature)
		safe_printf(", for %s", candidate->feature);
	if (candidate->priority)
		safe_printf(", %s", candidate->priority);
	puts(")");
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, text ? json_object_new_string(text) : NULL);
}

static struct json_object *candidate_node(const struct candidate *candidate, const char *object)
{
	struct json_object *row = json_object_new_object(), *sonames = json_object_new_array();

	for (size_t i = 0; i < candidate->n_sonames; i++)
		json_object_array_add(sonames, json_object_new_string(candidate->sonames[i]));
	json_object_object_add(row, "sonames", sonames);
	add_text(row, "by", object);
	add_text(row, "feature", candidate->feature);
	add_text(row, "priority", candidate->priority);
	add_text(row, "description", candidate->description);
	return row;
}

/* Print the loads in the notes (.note.dlopen) of the start's objects, as their files are now. */
static int show_candidates(const struct recorded *recorded, struct json_object *out,
			   struct matr_error *err)
{
	struct recorded_loads loads;
	bool first = true;

	int result = recorded_loads(recorded, &loads, err);
	for (size_t i = 0; i < recorded->mapping->n_scope && !result; i++) {
		const char *path = recorded_path(recorded->mapping, i);
		struct candidates candidates;
		result = candidates_read(path, &candidates, err);
		for (size_t k = 0; k < candidates.n && !result; k++) {
			const struct candidate *candidate = &candidates.list[k];
			if (is_loaded(recorded, &loads, candidate))
				continue;
			if (out)
				json_object_array_add(out, candidate_node(candidate, path));
			else
				show_candidate(candidate, path, first);
			first = false;
		}
		candidates_free(&candidates);
	}
	recorded_loads_free(&loads);
	return result;
}

static int show(const struct recorded *recorded, enum output_format format, struct matr_error *err)
{
	struct tree tree;

	int result = tree_open(&tree, recorded->mapping, 1, err);
	if (!result && format == FORMAT_JSON) {
		struct json_object *top = node(&tree, 0, NULL, true);
		struct json_object *loads = json_object_new_array();
		struct json_object *candidates = json_object_new_array();
		json_object_object_add(top, "loads", loads);
		json_object_object_add(top, "may_load", candidates);
		result = show_closures(recorded, loads, err);
		if (!result)
			result = show_candidates(recorded, candidates, err);
		if (!result)
			result = output_json(top, err);
		else
			json_object_put(top);
	} else if (!result) {
		safe_printf("%s\n", recorded_path(recorded->mapping, 0));
		draw(&tree, 0, "");
		draw_others(&tree);
		result = show_closures(recorded, NULL, err);
		if (!result)
			result = show_candidates(recorded, NULL, err);
		if (!result)
			result = output_flush(err);
	}
	tree_close(&tree);
	return result;
}

int command_tree(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *epoch = NULL, *root = NULL;
	struct option_list environment = {.n = 0};
	enum output_format format = FORMAT_TABLE;
	struct matr_error err = {0};
	int status;
	const struct option_row rows[] = {
		option_epoch(&epoch),
		{"env", .list = &environment, .argument = "NAME=VALUE",
		 .help = "as its files are now, with LD_LIBRARY_PATH or LD_PRELOAD"},
		option_root(&root),
		{"format", .format = &format, .graphs = true, .words = "table json dot svg",
		 .help = "table (default: a drawing), json (nested), dot (for graphviz) or svg "
			 "(drawn by graphviz)"},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "tree",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};

	struct recorded recorded = {.store = NULL};
	int at = options_parse(&options, argc, argv, &status);
	if (at >= 0 && format_is_rows(format))
		status = usage_error_because("tree", "a drawing, json, dot or svg", NULL);
	else if (at >= 0 && root && format == FORMAT_SVG)
		status = usage_error_because("tree", GRAPH_NO_SVG, "--root");
	else if (at >= 0 && argc - at != 1)
		status = usage_error_because("tree", "one program, please", NULL);
	else if (at >= 0) {
		int result = root_of(root, &err);
		if (result == 0)
			result = recorded_or_resolved(prefix, argv[at], epoch, &environment,
						      &recorded, &err);
		if (result == 0)
			result = format_is_graph(format) ? tree_graph(&recorded, format, &err)
							 : show(&recorded, format, &err);
		recorded_close(&recorded);
		if (result != 0)
			print_error(&err);
		status = result == 0 ? STATUS_OK : error_status(&err);
	}
	free(environment.list);
	return status;
}
