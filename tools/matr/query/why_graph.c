/* why_graph.c - matr why --format dot, svg: who binds the symbol where, and who else defines it. */
#include "matr/query/why.h"

#include "common/graph.h"
#include "common/path.h"
#include "common/symbol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/explain.h>
#include <matr/lookup.h>
#include <matr/names.h>

enum node { PROVIDER, REQUESTER, SHADOWED, NOTHING, NODES };

static const struct graph_kind nodes[NODES] = {
	[PROVIDER] = {"provides it", "fillcolor=\"#1f3b5b\", fontcolor=white"},
	[REQUESTER] = {"refers to it", "fillcolor=\"#cfe3f7\""},
	[SHADOWED] = {"defines it too, and is asked later",
		      "fillcolor=\"#eeeeee\", style=\"filled,rounded,dashed\""},
	[NOTHING] = {NULL, "fillcolor=\"#f7cfcf\""},
};

enum edge { BINDS, LATER, EDGES };

static const struct graph_kind edges[EDGES] = {
	[BINDS] = {"binds to", "color=\"#1f3b5b\""},
	[LATER] = {"would be next", "color=\"#888888\", style=dashed"},
};

static int add_object(struct graph *graph, const struct matr_mapping *mapping, uint32_t index,
		      enum node kind, size_t *id, struct matr_error *err)
{
	const char *path = recorded_path(mapping, index);

	return graph_node(graph, path, path_name(path), NULL, kind, id, err);
}

static int add_provider(struct graph *graph, const struct matr_mapping *mapping,
			const struct matr_binding *binding, size_t *id, struct matr_error *err)
{
	if (binding->provider < mapping->n_scope)
		return add_object(graph, mapping, binding->provider, PROVIDER, id, err);
	const char *name = binding->provider == MATR_PROVIDER_WEAK_NULL ? "nothing (weak: null)"
									: "nothing (undefined)";
	return graph_node(graph, name, name, NULL, NOTHING, id, err);
}

/* Objects that match after the first one. */
static int add_later(struct graph *graph, const struct matr_mapping *mapping,
		     const struct matr_explained_search *search, size_t n_scope,
		     struct matr_error *err)
{
	size_t before = 0, id;
	bool any = false;
	int result = 0;

	for (size_t n = 0; n < n_scope && result == 0; n++) {
		const struct matr_search_step *step = &search->steps[n];
		if (step->outcome != MATR_LOOKUP_MATCH)
			continue;
		result = add_object(graph, mapping, step->object, any ? SHADOWED : PROVIDER, &id,
				    err);
		if (result == 0 && any && id != before)
			result = graph_edge(graph, before, id, LATER, NULL, err);
		before = id;
		any = true;
	}
	return result;
}

static int add_explanation(struct graph *graph, const struct why *why,
			   const struct matr_mapping *mapping,
			   const struct matr_explanation *explanation, struct matr_error *err)
{
	int result = 0;

	/* Providers first: one may refer to the symbol too, and is what it is for the others. */
	for (size_t i = 0; i < explanation->n_references && result == 0; i++) {
		size_t id;
		result =
			add_provider(graph, mapping, &explanation->references[i].binding, &id, err);
	}
	for (size_t i = 0; i < explanation->n_searches && result == 0; i++)
		result = add_later(graph, mapping, &explanation->searches[i], explanation->n_scope,
				   err);
	for (size_t i = 0; i < explanation->n_references && result == 0; i++) {
		const struct matr_explained_reference *at = &explanation->references[i];
		const struct matr_object *object = mapping->scope[at->requester].object;
		const char *version = recorded_version(object, at->symbol);
		struct text item = {0};
		size_t from, to;
		char *shown = symbol_shown(object->symbols[at->symbol].name, why->raw);
		text_printf(&item, "%s%s%s", shown ? shown : "", version ? "@" : "",
			    version ? version : "");
		item.failed |= !shown;
		free(shown);
		result = item.failed ? matr_fail_memory(err)
				     : add_provider(graph, mapping, &at->binding, &to, err);
		if (result == 0)
			result = add_object(graph, mapping, at->requester, REQUESTER, &from, err);
		if (result == 0)
			result = graph_edge(graph, from, to, BINDS, text_string(&item), err);
		text_free(&item);
	}
	return result;
}

/* The symbol in one scope; *known: something there has it. */
static int add_scope(struct graph *graph, const struct why *why, const struct matr_mapping *mapping,
		     const struct matr_symbol_name *name, bool *known, struct matr_error *err)
{
	struct matr_explanation *explanation;
	struct matr_error own = {0};

	if (matr_explain(mapping, name, &explanation, &own) != 0)
		return own.code == MATR_ERROR_NOT_FOUND && *known ? 0 : matr_error_copy(err, &own);
	*known = true;
	int result = add_explanation(graph, why, mapping, explanation, err);
	matr_explanation_free(explanation);
	return result;
}

int why_symbol_graph(const struct why *why, const struct recorded *recorded, struct matr_error *err)
{
	struct graph graph = {.node_kinds = nodes,
			      .edge_kinds = edges,
			      .n_node_kinds = NODES,
			      .n_edge_kinds = EDGES};
	struct matr_symbol_name name;
	struct recorded_loads loads;
	struct matr_error own = {0};
	struct text title = {0};
	bool known = false;

	if (matr_symbol_pattern_parse(why->asked, &name, err) != 0)
		return -1;
	text_printf(&title, "%s in %s", why->asked, recorded_path(recorded->mapping, 0));
	graph.title = text_string(&title);
	int result = recorded_loads(recorded, &loads, err);
	/* A library that is not there at the start may come with a load. */
	if (result == 0 && add_scope(&graph, why, recorded->mapping, &name, &known, &own) != 0 &&
	    own.code != MATR_ERROR_NOT_FOUND)
		result = matr_error_copy(err, &own);
	for (size_t i = 0; i < loads.n_records && result == 0; i++) {
		struct matr_error there = {0};
		if (loads.list[i].mapping &&
		    add_scope(&graph, why, loads.list[i].mapping, &name, &known, &there) != 0 &&
		    there.code != MATR_ERROR_NOT_FOUND)
			result = matr_error_copy(err, &there);
	}
	if (result == 0)
		result = known ? graph_show(&graph, why->format, err) : matr_error_copy(err, &own);
	graph_free(&graph);
	text_free(&title);
	recorded_loads_free(&loads);
	matr_symbol_name_free(&name);
	return result;
}
