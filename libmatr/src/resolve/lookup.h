/* lookup.h - which definition a symbol reference binds to. */
#ifndef MATR_RESOLVE_LOOKUP_H
#define MATR_RESOLVE_LOOKUP_H

#include <matr/lookup.h>

#include "base/map.h"
#include "resolve/scope.h"
#include "resolve/symbol_index.h"

/* Classes of relocations, which limit the definitions that a reference may bind to (glibc:
 * ELF_RTYPE_CLASS_*). */
enum lookup_class {
	LOOKUP_DATA, /* anything */
	LOOKUP_PLT,  /* calls and TLS: not the canonical address of a function in the executable */
	LOOKUP_COPY, /* copy relocations: not in the executable */
	LOOKUP_CLASSES,
};

struct lookup {
	const struct symbol_index *index;
	const struct scope *scope;
	uint32_t *rank;	   /* by number in the index: place in the scope, NO_INDEX: not in it */
	struct map unique; /* interned name -> binding that all references to this STB_GNU_UNIQUE
				   symbol get */
	bool stops_at_lost_versions; /* GLIBC_STOPS_AT_LOST_VERSIONS */
};

/* Every object of the scope must be in the index, under the number that scope->indices has. */
int lookup_open(struct lookup *lookup, const struct symbol_index *index, const struct scope *scope,
		struct matr_error *err);
void lookup_close(struct lookup *lookup);

/* Look up symbol number `reference` of the object at scope index `requester`. Objects are to be
 * asked for in the order of relocation, for the sake of unique symbols. */
int lookup_symbol(struct lookup *lookup, uint32_t requester, uint32_t reference,
		  enum lookup_class class, struct matr_binding *out, struct matr_error *err);

/* Class of a relocation type. */
enum lookup_class lookup_class_of(uint32_t type);

/* Like lookup_symbol(), but continue after the first match: one step per object, in search order
 * (steps: room for the whole scope). The first match provides the symbol, except for protected
 * and unique symbols as described at lookup_symbol(). */
void lookup_explain(const struct lookup *lookup, uint32_t requester, uint32_t reference,
		    enum lookup_class class, struct matr_search_step *steps);
/* Search for the symbol's name without a version, for any requester: dlsym(RTLD_DEFAULT, ...). */
void lookup_explain_name(const struct lookup *lookup, uint32_t object, uint32_t symbol,
			 struct matr_search_step *steps);

#endif
