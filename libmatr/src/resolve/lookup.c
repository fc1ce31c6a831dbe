/* lookup.c - symbol lookup with ld.so's rules.
 *
 * The first object of the scope that has a match provides the symbol (gABI chapter 5, "Shared
 * Object Dependencies"; weak definitions are as good as others). DT_SYMBOLIC puts the requester
 * first. A reference to its own STV_PROTECTED symbol ends at the requester. What matches is decided
 * by type, value, and version; versions follow glibc, where an object without versions matches
 * every reference and an unversioned reference takes the base version, the first version, or a
 * single default one.
 */
#include "resolve/lookup.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION_MASK = 0x7fff,
	VERSION_HIDDEN = 0x8000,
	FIRST_LATER_VERSION = 3, /* 0: local, 1: base, 2: the first that the object defines */
};

struct query {
	uint32_t name;
	const struct matr_version *version; /* NULL: none asked for */
	enum lookup_class class;
};

enum lookup_class lookup_class_of(uint32_t type)
{
	switch (type) {
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_DTPMOD64:
	case R_X86_64_DTPOFF64:
	case R_X86_64_TPOFF64:
	case R_X86_64_TLSDESC:
		return LOOKUP_PLT;
	case R_X86_64_COPY:
		return LOOKUP_COPY;
	default:
		return LOOKUP_DATA;
	}
}

int lookup_open(struct lookup *lookup, const struct symbol_index *index, const struct scope *scope,
		struct matr_error *err)
{
	*lookup = (struct lookup){.index = index, .scope = scope};
	lookup->rank = malloc((index->n_objects + 1) * sizeof *lookup->rank);
	if (!lookup->rank)
		return matr_fail_memory(err);
	memset(lookup->rank, 0xff, index->n_objects * sizeof *lookup->rank);
	for (size_t i = 0; i < scope->n; i++) {
		if (!symbol_index_has(index, scope->indices[i]))
			return matr_fail(err, MATR_ERROR_SYSTEM, scope->entries[i].path,
					 "its symbols have not been read");
		lookup->rank[scope->indices[i]] = (uint32_t)i;
		if (scope->entries[i].object->flags & MATR_OBJECT_ODD_CHAINS)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[i].path,
					 "has a hash table (DT_HASH) with two symbols of a name in "
					 "an order of its own");
	}
	return 0;
}

void lookup_close(struct lookup *lookup)
{
	free(lookup->rank);
	lookup->rank = NULL;
	map_free(&lookup->unique);
}

/* Test whether the symbol can provide anything for such a reference. Returns MATR_LOOKUP_MATCH if
 * so, or the reason. */
static enum matr_lookup_outcome can_provide(const struct matr_symbol *symbol,
					    enum lookup_class class)
{
	if (!symbol->value && symbol->section != SHN_ABS && symbol->type != STT_TLS)
		return MATR_LOOKUP_NO_VALUE;
	if (class == LOOKUP_PLT && symbol->section == SHN_UNDEF)
		return MATR_LOOKUP_CANONICAL;
	switch (symbol->type) {
	case STT_NOTYPE:
	case STT_OBJECT:
	case STT_FUNC:
	case STT_COMMON:
	case STT_TLS:
	case STT_GNU_IFUNC:
		return MATR_LOOKUP_MATCH;
	default:
		return MATR_LOOKUP_TYPE;
	}
}

enum version_match { VERSION_NO, VERSION_YES, VERSION_IF_ALONE };

static enum version_match match_version(const struct matr_object *object,
					const struct matr_symbol *symbol,
					const struct matr_version *wanted)
{
	uint16_t index = symbol->version & VERSION_MASK;
	bool hidden = symbol->version & VERSION_HIDDEN;

	if (!(object->flags & MATR_OBJECT_VERSIONED))
		return VERSION_YES;
	if (!wanted) {
		if (index < FIRST_LATER_VERSION)
			return VERSION_YES;
		return hidden ? VERSION_NO : VERSION_IF_ALONE;
	}
	const struct matr_version *own =
		index < object->n_versions ? &object->versions[index] : NULL;
	if (own && own->name && own->hash == wanted->hash && !strcmp(own->name, wanted->name))
		return VERSION_YES;
	/* A symbol of the base version serves a reference that is not to a hidden version. */
	bool named = own && own->hash;
	return wanted->hidden || named || hidden ? VERSION_NO : VERSION_YES;
}

/* Test whether other objects may bind to the symbol. Returns MATR_LOOKUP_MATCH if so, or the
 * reason. Hidden symbols are local. Linkers keep them out of the table. */
static enum matr_lookup_outcome is_for_others(const struct matr_symbol *symbol)
{
	if (symbol->visibility == STV_HIDDEN || symbol->visibility == STV_INTERNAL)
		return MATR_LOOKUP_HIDDEN;
	return symbol->binding == STB_GLOBAL || symbol->binding == STB_WEAK ||
			       symbol->binding == STB_GNU_UNIQUE
		       ? MATR_LOOKUP_MATCH
		       : MATR_LOOKUP_LOCAL;
}

/* Match a reference against one object's symbols of the name. `at` is the first of them in the
 * index; *next receives the first of the following object. NO_INDEX: none. *step (may be NULL)
 * receives the last symbol that was considered and why it does not match. */
static uint32_t match_object(const struct lookup *lookup, uint32_t at, uint32_t *next,
			     const struct query *query, bool skip, struct matr_search_step *step)
{
	const struct definition *definitions = lookup->index->definitions;
	uint32_t owner = definitions[at - 1].object;
	const struct matr_object *object = lookup->index->objects[owner].object;
	uint32_t found = NO_INDEX, alone = NO_INDEX;
	unsigned n_alone = 0;
	enum matr_lookup_outcome outcome = MATR_LOOKUP_PASSED_OVER;

	for (; at && definitions[at - 1].object == owner; at = definitions[at - 1].next) {
		if (skip || found != NO_INDEX)
			continue;
		uint32_t index = definitions[at - 1].symbol;
		const struct matr_symbol *symbol = &object->symbols[index];
		if (step)
			step->symbol = index;
		outcome = can_provide(symbol, query->class);
		if (outcome != MATR_LOOKUP_MATCH)
			continue;
		enum version_match match = match_version(object, symbol, query->version);
		outcome = MATR_LOOKUP_VERSION;
		if (match == VERSION_YES)
			found = index;
		else if (match == VERSION_IF_ALONE && n_alone++ == 0)
			alone = index;
	}
	*next = at;
	if (found == NO_INDEX && n_alone == 1)
		found = alone;
	if (found != NO_INDEX)
		outcome = is_for_others(&object->symbols[found]);
	if (step) {
		step->outcome = outcome;
		step->symbol = found != NO_INDEX ? found : step->symbol;
	}
	return outcome == MATR_LOOKUP_MATCH ? found : NO_INDEX;
}

/* Copy relocations are not for what the executable itself defines. */
static bool is_passed_over(const struct query *query, uint32_t scope_index)
{
	return query->class == LOOKUP_COPY && scope_index == 0;
}

static struct matr_binding find(const struct lookup *lookup, const struct query *query,
				uint32_t first_object)
{
	const struct symbol_index *index = lookup->index;
	struct matr_binding best = {MATR_PROVIDER_UNDEFINED, 0};
	uint32_t best_rank = NO_INDEX, next;

	for (uint32_t at = index->first[query->name]; at; at = next) {
		uint32_t scope_index = lookup->rank[index->definitions[at - 1].object];
		/* DT_SYMBOLIC: the requester itself is asked before the whole scope. */
		uint32_t rank = scope_index == first_object ? 0 : scope_index + 1;
		bool skip = scope_index == NO_INDEX || rank >= best_rank ||
			    is_passed_over(query, scope_index);
		uint32_t symbol = match_object(lookup, at, &next, query, skip, NULL);
		if (symbol != NO_INDEX) {
			best = (struct matr_binding){scope_index, symbol};
			best_rank = rank;
		}
	}
	return best;
}

/* There is one STB_GNU_UNIQUE symbol of a name in a process: the first that any reference finds,
 * versions or not. For a copy relocation it is the copy. */
static int make_unique(struct lookup *lookup, const struct query *query, struct matr_binding own,
		       struct matr_binding *found, struct matr_error *err)
{
	uint64_t known;
	bool copy = query->class == LOOKUP_COPY;

	if (map_get(&lookup->unique, query->name, &known)) {
		if (!copy)
			*found = (struct matr_binding){(uint32_t)(known >> 32), (uint32_t)known};
		return 0;
	}
	struct matr_binding first = copy ? own : *found;
	if (map_set(&lookup->unique, query->name, (uint64_t)first.provider << 32 | first.symbol) <
	    0)
		return matr_fail_memory(err);
	return 0;
}

static bool is_unique(const struct lookup *lookup, struct matr_binding binding)
{
	return binding.provider < lookup->scope->n &&
	       lookup->scope->entries[binding.provider].object->symbols[binding.symbol].binding ==
		       STB_GNU_UNIQUE;
}

/* A definition without version serves any reference, but not where it comes from the very
 * library in which the reference expects a version: there ld.so fails an assertion until 2.40. */
static bool is_stripped_of_versions(const struct lookup *lookup, const struct matr_version *wanted,
				    struct matr_binding found)
{
	const struct scope *scope = lookup->scope;

	return wanted && wanted->file && found.provider < scope->n &&
	       !(scope->entries[found.provider].object->flags & MATR_OBJECT_VERSIONED) &&
	       scope_names_find(&scope->loaded_as, wanted->file) == found.provider;
}

static struct query query_of(const struct lookup *lookup, uint32_t requester, uint32_t reference,
			     enum lookup_class class)
{
	const struct matr_object *object = lookup->scope->entries[requester].object;
	const struct matr_version *version =
		matr_object_symbol_version(object, &object->symbols[reference]);

	return (struct query){
		.name = lookup->index->objects[lookup->scope->indices[requester]].names[reference],
		/* ld.so takes a version that hashes to 0 for none. */
		.version = version && version->hash ? version : NULL,
		.class = class,
	};
}

/* Object that is searched before the whole scope. A number that no object has: none. */
static uint32_t first_object(const struct matr_object *object, uint32_t requester)
{
	return object->flags & MATR_OBJECT_SYMBOLIC ? requester : NO_INDEX - 1;
}

int lookup_symbol(struct lookup *lookup, uint32_t requester, uint32_t reference,
		  enum lookup_class class, struct matr_binding *out, struct matr_error *err)
{
	const struct matr_object *object = lookup->scope->entries[requester].object;
	const struct matr_symbol *symbol = &object->symbols[reference];
	struct matr_binding own = {requester, reference};

	*out = own;
	if (!matr_symbol_is_looked_up(symbol))
		return 0;
	struct query query = query_of(lookup, requester, reference, class);
	uint32_t first = first_object(object, requester);
	struct matr_binding found = find(lookup, &query, first);
	if (is_unique(lookup, found) && make_unique(lookup, &query, own, &found, err) < 0)
		return -1;
	if (lookup->stops_at_lost_versions && is_stripped_of_versions(lookup, query.version, found))
		return matr_fail(
			err, MATR_ERROR_UNSUPPORTED, lookup->scope->entries[found.provider].path,
			"has no versions, but %s asks it for version %s of %s: ld.so would stop",
			object->path, query.version->name, symbol->name);
	if (symbol->visibility == STV_PROTECTED && found.provider != MATR_PROVIDER_UNDEFINED &&
	    found.provider != requester) {
		/* Protected: others do not count, save that the address of a function may have
		 * to be the canonical one in the executable, which no lookup for calls finds. */
		if (class == LOOKUP_PLT)
			return 0;
		query.class = LOOKUP_PLT;
		struct matr_binding real = find(lookup, &query, first);
		if (real.provider != MATR_PROVIDER_UNDEFINED && real.provider != requester)
			return 0;
	}
	if (found.provider == MATR_PROVIDER_UNDEFINED && symbol->binding == STB_WEAK)
		found.provider = MATR_PROVIDER_WEAK_NULL;
	*out = found;
	return 0;
}

/* ---- explaining ---- */

/* An object that lookups find nothing in may have a symbol of the name all the same. */
static void look_closer(const struct matr_object *object, const char *name,
			struct matr_search_step *step)
{
	for (uint32_t i = 1; i < object->n_symbols; i++) {
		const struct matr_symbol *symbol = &object->symbols[i];
		if (strcmp(symbol->name, name) != 0)
			continue;
		step->symbol = i;
		step->outcome =
			symbol->section == SHN_UNDEF ? MATR_LOOKUP_REFERS : MATR_LOOKUP_UNHASHED;
		if (step->outcome == MATR_LOOKUP_UNHASHED)
			return;
	}
}

static void explain(const struct lookup *lookup, const struct query *query, const char *name,
		    uint32_t first, struct matr_search_step *steps)
{
	const struct scope *scope = lookup->scope;
	uint32_t next;

	for (uint32_t i = 0; i < scope->n; i++)
		steps[i] = (struct matr_search_step){
			.object = i, .outcome = MATR_LOOKUP_ABSENT, .symbol = NO_INDEX};
	for (uint32_t at = lookup->index->first[query->name]; at; at = next) {
		uint32_t i = lookup->rank[lookup->index->definitions[at - 1].object];
		struct matr_search_step none = {.symbol = NO_INDEX},
					*step = i == NO_INDEX ? &none : &steps[i];
		match_object(lookup, at, &next, query, is_passed_over(query, i), step);
	}
	for (uint32_t i = 0; i < scope->n; i++)
		if (steps[i].outcome == MATR_LOOKUP_ABSENT)
			look_closer(scope->entries[i].object, name, &steps[i]);
	if (first < scope->n) { /* asked before all others */
		struct matr_search_step own = steps[first];
		memmove(&steps[1], &steps[0], first * sizeof *steps);
		steps[0] = own;
	}
}

void lookup_explain(const struct lookup *lookup, uint32_t requester, uint32_t reference,
		    enum lookup_class class, struct matr_search_step *steps)
{
	const struct matr_object *object = lookup->scope->entries[requester].object;
	struct query query = query_of(lookup, requester, reference, class);

	explain(lookup, &query, object->symbols[reference].name, first_object(object, requester),
		steps);
}

void lookup_explain_name(const struct lookup *lookup, uint32_t object, uint32_t symbol,
			 struct matr_search_step *steps)
{
	struct query query = query_of(lookup, object, symbol, LOOKUP_DATA);

	query.version = NULL;
	explain(lookup, &query, lookup->scope->entries[object].object->symbols[symbol].name,
		NO_INDEX, steps);
}
