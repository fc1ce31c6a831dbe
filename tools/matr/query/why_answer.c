/* why_answer.c - the answer of matr why for people. */
#include "matr/query/why_answer.h"

#include "common/array.h"
#include "common/output.h"
#include "common/path.h"
#include "common/recorded.h"
#include "common/symbol.h"

#include <stdlib.h>
#include <string.h>

#include <matr/lookup.h>
#include <matr/packages.h>

enum { NONE = UINT32_MAX };

struct way {			      /* in which references bind alike */
	const char *symbol, *version; /* of the references; version NULL: none */
	uint32_t provider;	      /* scope index or MATR_PROVIDER_* */
	uint32_t next;		      /* who would provide it else; NONE: no object */
	size_t references;
};

struct ways {
	struct way *list;
	size_t n;
	const struct matr_mapping *mapping;
};

/* ---- the ways ---- */

/* The second match of the search, or the first if nothing binds to that. */
static uint32_t next_of(const struct matr_explained_search *search, size_t n, uint32_t provider)
{
	for (size_t i = 0; i < n; i++)
		if (search->steps[i].outcome == MATR_LOOKUP_MATCH &&
		    search->steps[i].object != provider)
			return search->steps[i].object;
	return NONE;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int add_way(struct ways *ways, const struct way *way, struct matr_error *err)
{
	for (size_t i = 0; i < ways->n; i++) {
		struct way *known = &ways->list[i];
		if (strcmp(known->symbol, way->symbol) == 0 &&
		    is_same_text(known->version, way->version) &&
		    known->provider == way->provider && known->next == way->next) {
			known->references++;
			return 0;
		}
	}
	if (array_grow(&ways->list, ways->n, sizeof *ways->list, err) != 0)
		return -1;
	ways->list[ways->n++] = *way;
	return 0;
}

static int find_ways(const struct matr_explanation *explanation, struct ways *ways,
		     struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < explanation->n_references && result == 0; i++) {
		const struct matr_explained_reference *at = &explanation->references[i];
		const struct matr_object *object = ways->mapping->scope[at->requester].object;
		const struct way way = {
			.symbol = object->symbols[at->symbol].name,
			.version = recorded_version(object, at->symbol),
			.provider = at->binding.provider,
			.next = next_of(&explanation->searches[at->search], explanation->n_scope,
					at->binding.provider),
			.references = 1,
		};
		result = add_way(ways, &way, err);
	}
	return result;
}

/* ---- the sentence ---- */

static const char *short_name(const struct matr_mapping *mapping, uint32_t provider)
{
	if (provider >= mapping->n_scope)
		return provider == MATR_PROVIDER_WEAK_NULL ? "nothing (weak: null)"
							   : "nothing (undefined)";
	const char *soname = mapping->scope[provider].object->soname;
	return soname && provider ? soname : path_name(recorded_path(mapping, provider));
}

static bool is_first_with_provider(const struct ways *ways, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (ways->list[k].provider == ways->list[i].provider)
			return false;
	return true;
}

/* "12 bind to libc.so.6, 2 to libtirpc.so.3". */
static void say_providers(const struct ways *ways, size_t n_references)
{
	bool several = false;

	for (size_t i = 1; i < ways->n; i++)
		several |= ways->list[i].provider != ways->list[0].provider;
	if (!several) {
		const char *name = short_name(ways->mapping, ways->list[0].provider);
		if (n_references == 1)
			safe_printf("the only reference binds to %s", name);
		else
			safe_printf("all %zu references bind to %s", n_references, name);
		return;
	}
	for (size_t i = 0; i < ways->n; i++) {
		size_t references = 0;
		if (!is_first_with_provider(ways, i))
			continue;
		for (size_t k = i; k < ways->n; k++)
			if (ways->list[k].provider == ways->list[i].provider)
				references += ways->list[k].references;
		safe_printf("%s%zu %s %s", i ? ", " : "", references,
			    i		      ? "to"
			    : references == 1 ? "reference binds to"
					      : "references bind to",
			    short_name(ways->mapping, ways->list[i].provider));
	}
}

/* An object that has the symbol with another version than some search wants; NONE: no object. */
static uint32_t other_version(const struct matr_explanation *explanation)
{
	for (size_t i = 0; i < explanation->n_searches; i++)
		for (size_t n = 0; n < explanation->n_scope; n++)
			if (explanation->searches[i].steps[n].outcome == MATR_LOOKUP_VERSION)
				return explanation->searches[i].steps[n].object;
	return NONE;
}

static void say_next(const struct ways *ways, const struct matr_explanation *explanation)
{
	uint32_t next = NONE, version = other_version(explanation);
	bool several = false, found = false;

	for (size_t i = 0; i < ways->n; i++) {
		found |= ways->list[i].provider < ways->mapping->n_scope;
		if (ways->list[i].next == NONE)
			continue;
		several |= next != NONE && next != ways->list[i].next;
		next = ways->list[i].next;
	}
	if (several)
		safe_printf("; others would be next");
	else if (next != NONE)
		safe_printf("; %s would be next", short_name(ways->mapping, next));
	else if (found)
		safe_printf("; nothing else provides it");
	if (version != NONE)
		safe_printf("; %s has another version of it", short_name(ways->mapping, version));
}

/* Nothing refers to it. */
static void say_defined(const struct matr_mapping *mapping,
			const struct matr_explanation *explanation)
{
	size_t n = 0;

	for (size_t i = 0; explanation->n_searches && i < explanation->n_scope; i++) {
		const struct matr_search_step *step = &explanation->searches[0].steps[i];
		if (step->outcome != MATR_LOOKUP_MATCH)
			continue;
		if (!n++)
			safe_printf("nothing refers to it; dlsym() without a version would find "
				    "that of %s",
				    short_name(mapping, step->object));
		else
			safe_printf(", then of %s", short_name(mapping, step->object));
	}
	if (!n)
		safe_printf("nothing refers to it, and dlsym() would not find it");
}

static int say(const struct ways *ways, const struct matr_explanation *explanation,
	       const char *asked, const char *root, bool raw, struct matr_error *err)
{
	const char *first = ways->n ? ways->list[0].symbol : asked;
	bool several = false;

	for (size_t i = 1; i < ways->n; i++)
		several |= strcmp(ways->list[i].symbol, first) != 0;
	char *shown = several ? strdup(asked) : symbol_shown(first, raw);
	if (!shown)
		return matr_fail_memory(err);
	if (root)
		safe_printf("With dlopen() of %s: ", root);
	else
		safe_printf("%s: ", shown);
	free(shown);
	if (ways->n) {
		say_providers(ways, explanation->n_references);
		say_next(ways, explanation);
	} else {
		say_defined(ways->mapping, explanation);
	}
	puts(".");
	return output_flush(err);
}

/* ---- the table ---- */

static int show_ways(const struct ways *ways, bool raw, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"symbol", COLUMN_LEFT},  {"version", COLUMN_LEFT},	{"provider", COLUMN_LEFT},
		{"package", COLUMN_LEFT}, {"references", COLUMN_RIGHT}, {"next", COLUMN_LEFT},
	};
	const struct matr_mapping *mapping = ways->mapping;
	const char **paths = calloc(ways->n + 1, sizeof(char *));
	struct output output;
	char **packages;

	if (!paths)
		return matr_fail_memory(err);
	for (size_t i = 0; i < ways->n; i++)
		paths[i] = ways->list[i].provider < mapping->n_scope
				   ? recorded_path(mapping, ways->list[i].provider)
				   : "";
	int result = matr_packages(NULL, paths, ways->n, &packages, err);
	free(paths);
	if (result != 0)
		return -1;
	putchar('\n');
	output_open(&output, FORMAT_TABLE, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < ways->n; i++) {
		const struct way *way = &ways->list[i];
		output_symbol(&output, way->symbol, raw);
		output_text(&output, way->version);
		output_text(&output, way->provider < mapping->n_scope
					     ? recorded_path(mapping, way->provider)
					     : short_name(mapping, way->provider));
		output_text(&output, packages[i]);
		output_number(&output, (int64_t)way->references);
		output_text(&output, way->next == NONE ? NULL : recorded_path(mapping, way->next));
	}
	matr_packages_free(packages, ways->n);
	return output_close(&output, err);
}

int why_answer(const struct matr_mapping *mapping, const struct matr_explanation *explanation,
	       const char *asked, const char *root, bool table, bool raw, struct matr_error *err)
{
	struct ways ways = {.mapping = mapping};

	int result = find_ways(explanation, &ways, err);
	if (result == 0)
		result = say(&ways, explanation, asked, root, raw, err);
	if (result == 0 && table && ways.n)
		result = show_ways(&ways, raw, err);
	free(ways.list);
	return result;
}
