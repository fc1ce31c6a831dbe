/* explain.c - the search behind each binding of a mapping.
 *
 * A mapping has the objects with all their symbols, so the resolver's index and lookup
 * (resolve/lookup.c) work on it as on files that were just read. The search is repeated, this time
 * for every object's answer rather than for the first match.
 */
#include <matr/explain.h>
#include <matr/names.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path.h"
#include "resolve/lookup.h"

struct explainer {
	const struct matr_mapping *mapping;
	struct symbol_index index; /* by scope index */
	struct scope scope;	   /* its entries are the mapping's */
	struct lookup lookup;
	bool opened;
};

static void explainer_close(struct explainer *explainer)
{
	if (explainer->opened)
		lookup_close(&explainer->lookup);
	free(explainer->scope.indices);
	scope_names_free(&explainer->scope.names);
	symbol_index_free(&explainer->index);
}

/* To be closed also after an error. */
static int explainer_open(struct explainer *explainer, const struct matr_mapping *mapping,
			  struct matr_error *err)
{
	struct scope *scope = &explainer->scope;

	*explainer = (struct explainer){.mapping = mapping};
	for (uint32_t i = 0; i < mapping->n_scope; i++)
		if (symbol_index_add(&explainer->index, i, mapping->scope[i].object, err) < 0)
			return -1;
	scope->entries = mapping->scope;
	scope->n = mapping->n_scope;
	scope->interpreter = mapping->interpreter;
	scope->indices = calloc(scope->n + 1, sizeof *scope->indices);
	if (!scope->indices)
		return matr_fail_memory(err);
	for (uint32_t i = 0; i < scope->n; i++) {
		const char *soname = mapping->scope[i].object->soname;
		scope->indices[i] = i;
		if (scope_names_add(&scope->names, i ? mapping->scope[i].path : "", i, err) < 0 ||
		    (soname && scope_names_add(&scope->names, soname, i, err) < 0))
			return -1;
	}
	explainer->opened = true;
	return lookup_open(&explainer->lookup, &explainer->index, scope, err);
}

/* ---- one symbol ---- */

static size_t count_matches(const struct matr_search_step *steps, size_t n)
{
	size_t matches = 0;

	for (size_t i = 0; i < n; i++)
		matches += steps[i].outcome == MATR_LOOKUP_MATCH;
	return matches;
}

/* By which rule the reference got its binding. `steps` is its search. */
static enum matr_binding_rule rule_of(const struct explainer *explainer, uint32_t requester,
				      const struct matr_symbol *symbol, struct matr_binding binding,
				      const struct matr_search_step *steps)
{
	const struct matr_mapping *mapping = explainer->mapping;
	const struct matr_search_step *first = NULL;

	if (!matr_symbol_is_looked_up(symbol))
		return MATR_RULE_OWN;
	for (size_t i = 0; i < mapping->n_scope && !first; i++)
		first = steps[i].outcome == MATR_LOOKUP_MATCH ? &steps[i] : NULL;
	bool found = binding.provider < mapping->n_scope;
	if (!first && !found)
		return MATR_RULE_SEARCH;
	if (first && first->object == binding.provider && first->symbol == binding.symbol) {
		bool symbolic = mapping->scope[requester].object->flags & MATR_OBJECT_SYMBOLIC;
		return symbolic && first->object == requester ? MATR_RULE_SYMBOLIC
							      : MATR_RULE_SEARCH;
	}
	if (symbol->visibility == STV_PROTECTED && binding.provider == requester)
		return MATR_RULE_PROTECTED;
	if (first &&
	    mapping->scope[first->object].object->symbols[first->symbol].binding == STB_GNU_UNIQUE)
		return MATR_RULE_UNIQUE;
	return MATR_RULE_CHANGED;
}

/* The index of this search among those that there are; it is added where it is new. Takes over
 * steps. */
static int put_search(struct matr_explanation *out, struct matr_search_step *steps, uint32_t *index,
		      struct matr_error *err)
{
	for (size_t i = 0; i < out->n_searches; i++) {
		size_t n = 0;
		const struct matr_search_step *known = out->searches[i].steps;
		while (n < out->n_scope && known[n].object == steps[n].object &&
		       known[n].outcome == steps[n].outcome && known[n].symbol == steps[n].symbol)
			n++;
		if (n < out->n_scope)
			continue;
		free(steps);
		*index = (uint32_t)i;
		return 0;
	}
	if (array_grow(&out->searches, out->n_searches, sizeof *out->searches, err) != 0) {
		free(steps);
		return -1;
	}
	*index = (uint32_t)out->n_searches;
	out->searches[out->n_searches++] = (struct matr_explained_search){
		.steps = steps,
		.n_matches = count_matches(steps, out->n_scope),
	};
	return 0;
}

static int put_reference(struct explainer *explainer, uint32_t requester, size_t relocation,
			 struct matr_explanation *out, struct matr_error *err)
{
	const struct matr_mapping *mapping = explainer->mapping;
	const struct matr_object *object = mapping->scope[requester].object;
	uint32_t type = object->relocations[relocation].type;
	uint32_t symbol = object->relocations[relocation].symbol;
	struct matr_binding binding = mapping->objects[requester].bindings[relocation];

	for (size_t i = 0; i < out->n_references; i++) {
		struct matr_explained_reference *known = &out->references[i];
		if (known->requester == requester && known->symbol == symbol &&
		    lookup_class_of(known->type) == lookup_class_of(type) &&
		    known->binding.provider == binding.provider &&
		    known->binding.symbol == binding.symbol) {
			known->relocations++;
			return 0;
		}
	}
	if (array_grow(&out->references, out->n_references, sizeof *out->references, err) != 0)
		return -1;
	struct matr_search_step *steps = calloc(mapping->n_scope + 1, sizeof *steps);
	if (!steps)
		return matr_fail_memory(err);
	lookup_explain(&explainer->lookup, requester, symbol, lookup_class_of(type), steps);
	struct matr_explained_reference reference = {
		.requester = requester,
		.symbol = symbol,
		.type = type,
		.relocations = 1,
		.binding = binding,
		.rule = rule_of(explainer, requester, &object->symbols[symbol], binding, steps),
	};
	if (put_search(out, steps, &reference.search, err) < 0)
		return -1;
	out->references[out->n_references++] = reference;
	return 0;
}

/* For a symbol without references: search as a lookup without version would. Returns 1 if an object
 * defines it, 0 if none does, -1 on error. */
static int search_without_reference(struct explainer *explainer,
				    const struct matr_symbol_name *name,
				    struct matr_explanation *out, struct matr_error *err)
{
	const struct matr_mapping *mapping = explainer->mapping;

	for (uint32_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (uint32_t n = 1; n < object->n_symbols; n++) {
			uint32_t index;
			if (object->symbols[n].section == SHN_UNDEF ||
			    !matr_symbol_name_matches(name, object, &object->symbols[n]))
				continue;
			struct matr_search_step *steps =
				calloc(mapping->n_scope + 1, sizeof *steps);
			if (!steps)
				return matr_fail_memory(err);
			lookup_explain_name(&explainer->lookup, i, n, steps);
			return put_search(out, steps, &index, err) < 0 ? -1 : 1;
		}
	}
	return 0;
}

int matr_explain(const struct matr_mapping *mapping, const struct matr_symbol_name *name,
		 struct matr_explanation **out, struct matr_error *err)
{
	struct matr_explanation *explanation = calloc(1, sizeof *explanation);
	struct explainer explainer;

	if (!explanation)
		return matr_fail_memory(err);
	explanation->n_scope = mapping->n_scope;
	int result = explainer_open(&explainer, mapping, err);
	for (uint32_t i = 0; i < mapping->n_scope && !result; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		const struct matr_binding *bindings = mapping->objects[i].bindings;
		for (size_t n = 0; bindings && n < object->n_relocations && !result; n++) {
			uint32_t symbol = object->relocations[n].symbol;
			if (symbol && bindings[n].provider != MATR_PROVIDER_NONE &&
			    matr_symbol_name_matches(name, object, &object->symbols[symbol]))
				result = put_reference(&explainer, i, n, explanation, err);
		}
	}
	if (!result && !explanation->n_references) {
		result = search_without_reference(&explainer, name, explanation, err);
		result = result == 0 ? matr_mapping_no_symbol(mapping, name, err)
				     : (result < 0 ? -1 : 0);
	}
	explainer_close(&explainer);
	if (result) {
		matr_explanation_free(explanation);
		return -1;
	}
	*out = explanation;
	return 0;
}

void matr_explanation_free(struct matr_explanation *explanation)
{
	if (!explanation)
		return;
	for (size_t i = 0; i < explanation->n_searches; i++)
		free(explanation->searches[i].steps);
	free(explanation->searches);
	free(explanation->references);
	free(explanation);
}

/* ---- symbols with more than one provider ---- */

struct shadows {
	struct matr_shadowed *list;
	size_t n, room;
	struct matr_search_step *steps;
};

static bool is_copied(const struct matr_mapping *mapping, const struct matr_shadowed *shadowed)
{
	const struct matr_object *application = mapping->scope[0].object;

	for (size_t i = 0; shadowed->winner == 0 && i < application->n_relocations; i++)
		if (application->relocations[i].type == R_X86_64_COPY &&
		    application->relocations[i].symbol == shadowed->winner_symbol)
			return true;
	return false;
}

/* The row of what was found; its losers are the matches of the steps but the winner. */
static int add_shadowed(struct shadows *shadows, const struct matr_mapping *mapping,
			struct matr_shadowed row, struct matr_error *err)
{
	row.losers = calloc(mapping->n_scope + 1, sizeof *row.losers);
	if (!row.losers)
		return matr_fail_memory(err);
	for (size_t i = 0; i < mapping->n_scope; i++)
		if (shadows->steps[i].outcome == MATR_LOOKUP_MATCH &&
		    shadows->steps[i].object != row.winner)
			row.losers[row.n_losers++] = shadows->steps[i].object;
	if (array_reserve(&shadows->list, &shadows->room, shadows->n + 1, sizeof *shadows->list,
			  err) != 0) {
		free(row.losers);
		return -1;
	}
	shadows->list[shadows->n++] = row;
	return 0;
}

static int add_bound(struct explainer *explainer, struct shadows *shadows, uint32_t requester,
		     size_t relocation, struct matr_error *err)
{
	const struct matr_mapping *mapping = explainer->mapping;
	const struct matr_object *object = mapping->scope[requester].object;
	uint32_t symbol = object->relocations[relocation].symbol;
	struct matr_binding binding = mapping->objects[requester].bindings[relocation];
	const struct matr_version *version =
		matr_object_symbol_version(object, &object->symbols[symbol]);
	struct matr_shadowed row = {
		.name = object->symbols[symbol].name,
		.version = version ? version->name : NULL,
		.winner = binding.provider,
		.winner_symbol = binding.symbol,
		.requester = requester,
		.n_requesters = 1,
	};

	lookup_explain(&explainer->lookup, requester, symbol,
		       lookup_class_of(object->relocations[relocation].type), shadows->steps);
	row.copied = is_copied(mapping, &row);
	return add_shadowed(shadows, mapping, row, err);
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_shadowed(const void *left, const void *right)
{
	const struct matr_shadowed *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	if (!order)
		order = compare_text(a->version, b->version);
	if (!order && a->winner != b->winner)
		order = a->winner < b->winner ? -1 : 1;
	if (!order && a->n_losers != b->n_losers)
		order = a->n_losers < b->n_losers ? -1 : 1;
	if (!order && a->n_losers)
		order = memcmp(a->losers, b->losers, a->n_losers * sizeof *a->losers);
	return order ? order : (a->requester > b->requester) - (a->requester < b->requester);
}

/* Rows that differ in the requester only become one; rows without losers go. A requester that calls
 * a function and takes its address as well has two rows, which stand beside each other. */
static size_t merge(struct matr_shadowed *list, size_t n)
{
	size_t kept = 0;
	uint32_t requester = 0; /* of the row before */

	if (n)
		qsort(list, n, sizeof *list, compare_shadowed);
	for (size_t i = 0; i < n; i++) {
		struct matr_shadowed *last = kept ? &list[kept - 1] : NULL;
		bool same = last && strcmp(last->name, list[i].name) == 0 &&
			    compare_text(last->version, list[i].version) == 0 &&
			    last->winner == list[i].winner && last->n_losers == list[i].n_losers &&
			    memcmp(last->losers, list[i].losers,
				   list[i].n_losers * sizeof *list[i].losers) == 0;
		if (same)
			last->n_requesters += list[i].requester != requester;
		requester = list[i].requester;
		if (same || !list[i].n_losers)
			free(list[i].losers);
		else
			list[kept++] = list[i];
	}
	return kept;
}

/* The objects that refer to a symbol of more than one definition, each once. */
static int shadowed_of(struct explainer *explainer, struct shadows *shadows, uint32_t requester,
		       struct matr_error *err)
{
	const struct matr_mapping *mapping = explainer->mapping;
	const struct matr_object *object = mapping->scope[requester].object;
	const struct matr_binding *bindings = mapping->objects[requester].bindings;
	uint8_t *seen = calloc(object->n_symbols + 1, LOOKUP_CLASSES);
	int result = 0;

	if (!seen)
		return matr_fail_memory(err);
	for (size_t n = 0; bindings && n < object->n_relocations && !result; n++) {
		uint32_t symbol = object->relocations[n].symbol;
		size_t place = (size_t)symbol * LOOKUP_CLASSES +
			       lookup_class_of(object->relocations[n].type);
		if (!symbol || seen[place]++ || bindings[n].provider >= mapping->n_scope ||
		    !matr_symbol_is_looked_up(&object->symbols[symbol]) ||
		    !symbol_index_is_ambiguous(&explainer->index, requester, symbol))
			continue;
		seen[place] = 1;
		result = add_bound(explainer, shadows, requester, n, err);
	}
	free(seen);
	return result;
}

/* Add the symbols of the object that others define too and that no object refers to. */
static int unbound_of(struct explainer *explainer, const struct intern *bound,
		      struct shadows *shadows, uint32_t definer, struct matr_error *err)
{
	const struct matr_mapping *mapping = explainer->mapping;
	const struct matr_object *object = mapping->scope[definer].object;
	int result = 0;

	for (uint32_t n = 1; n < object->n_symbols && !result; n++) {
		const struct matr_symbol *symbol = &object->symbols[n];
		size_t first = 0;
		const struct matr_version *version = matr_object_symbol_version(object, symbol);
		if (symbol->section == SHN_UNDEF || !matr_symbol_is_looked_up(symbol) ||
		    !symbol_index_is_ambiguous(&explainer->index, definer, n) ||
		    intern_find(bound, symbol->name) != UINT32_MAX ||
		    (version && strcmp(version->name, symbol->name) == 0)) /* names a version */
			continue;
		lookup_explain_name(&explainer->lookup, definer, n, shadows->steps);
		while (first < mapping->n_scope &&
		       shadows->steps[first].outcome != MATR_LOOKUP_MATCH)
			first++;
		/* Each once: where its winner comes. */
		if (first == mapping->n_scope || shadows->steps[first].object != definer ||
		    shadows->steps[first].symbol != n)
			continue;
		result = add_shadowed(shadows, mapping,
				      (struct matr_shadowed){
					      .name = symbol->name,
					      .version = version ? version->name : NULL,
					      .winner = definer,
					      .winner_symbol = n,
					      .requester = definer,
				      },
				      err);
	}
	return result;
}

/* The names that are referred to. */
static int find_bound(const struct matr_mapping *mapping, struct intern *out,
		      struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t n = 0; n < object->n_relocations && !result; n++) {
			uint32_t symbol = object->relocations[n].symbol, id;
			if (symbol)
				result = intern_add(out, object->symbols[symbol].name, &id, err);
		}
	}
	return result;
}

static int add_unbound(struct explainer *explainer, struct shadows *shadows, struct matr_error *err)
{
	struct intern bound = {.entries = NULL};
	int result = find_bound(explainer->mapping, &bound, err);

	for (uint32_t i = 0; i < explainer->mapping->n_scope && !result; i++)
		result = unbound_of(explainer, &bound, shadows, i, err);
	intern_free(&bound);
	return result;
}

int matr_shadowed(const struct matr_mapping *mapping, bool all, struct matr_shadowed **out,
		  size_t *n, struct matr_error *err)
{
	struct shadows shadows = {.steps = calloc(mapping->n_scope + 1, sizeof *shadows.steps)};
	struct explainer explainer;

	if (!shadows.steps)
		return matr_fail_memory(err);
	int result = explainer_open(&explainer, mapping, err);
	for (uint32_t i = 0; i < mapping->n_scope && !result; i++)
		result = shadowed_of(&explainer, &shadows, i, err);
	if (all && !result)
		result = add_unbound(&explainer, &shadows, err);
	explainer_close(&explainer);
	free(shadows.steps);
	if (result) {
		matr_shadowed_free(shadows.list, shadows.n);
		return -1;
	}
	*out = shadows.list;
	*n = merge(shadows.list, shadows.n);
	return 0;
}

void matr_shadowed_free(struct matr_shadowed *shadowed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(shadowed[i].losers);
	free(shadowed);
}

/* ---- dependencies between objects ---- */

/* Find the object of a needed name by the names that ld.so has for it. A name that is none of these
 * was searched for and led to a file that was loaded already; then it is the last component of some
 * path. */
static uint32_t find_needed(const struct matr_mapping *mapping, const struct scope_names *names,
			    const char *name)
{
	uint32_t index = scope_names_find(names, name);

	for (uint32_t i = 1; i < mapping->n_scope && index == UINT32_MAX; i++)
		if (strcmp(path_name(mapping->scope[i].path), path_name(name)) == 0 ||
		    strcmp(path_name(mapping->scope[i].object->path), path_name(name)) == 0)
			index = i;
	return index;
}

static int know_names(const struct matr_mapping *mapping, struct scope_names *names,
		      struct matr_error *err)
{
	for (uint32_t i = 1; i < mapping->n_scope; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		if (scope_names_add(names, entry->path, i, err) < 0 ||
		    (entry->object->soname &&
		     scope_names_add(names, entry->object->soname, i, err) < 0) ||
		    (entry->needed_as && scope_names_add(names, entry->needed_as, i, err) < 0))
			return -1;
	}
	return 0;
}

int matr_needs(const struct matr_mapping *mapping, struct matr_need **out, size_t *n,
	       struct matr_error *err)
{
	struct scope_names names = {.n_copies = 0};
	size_t room = 1, count = 0;

	for (size_t i = 0; i < mapping->n_scope; i++)
		room += mapping->scope[i].object->n_needed;
	struct matr_need *list = calloc(room, sizeof *list);
	int result = list ? know_names(mapping, &names, err) : matr_fail_memory(err);
	for (uint32_t i = 0; i < mapping->n_scope && !result; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t needed = 0; needed < object->n_needed; needed++) {
			uint32_t index = find_needed(mapping, &names, object->needed[needed]);
			if (index != UINT32_MAX)
				list[count++] =
					(struct matr_need){i, index, object->needed[needed]};
		}
	}
	scope_names_free(&names);
	if (result) {
		free(list);
		return -1;
	}
	*out = list;
	*n = count;
	return 0;
}
