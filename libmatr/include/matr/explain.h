/* explain.h - why a mapping is as it is: the search behind each binding, and the reason for each
 * library.
 *
 * Everything follows from a mapping (matr_store_mapping()); no file is read. The search is the
 * resolver's own, continued after its first match (matr/lookup.h).
 */
#ifndef MATR_EXPLAIN_H
#define MATR_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_search_step;
struct matr_symbol_name;

enum matr_binding_rule {
	MATR_RULE_SEARCH,    /* the first match in the scope */
	MATR_RULE_OWN,	     /* local, hidden or internal: its own, without a search */
	MATR_RULE_SYMBOLIC,  /* DT_SYMBOLIC: the requester is asked first */
	MATR_RULE_PROTECTED, /* STV_PROTECTED: the requester's own, whatever comes earlier */
	MATR_RULE_UNIQUE,    /* STB_GNU_UNIQUE: the first that any reference of the process found */
	MATR_RULE_CHANGED,   /* the mapping does not have what the search gives: it was edited */
};

struct matr_explained_reference {
	uint32_t requester, symbol;  /* scope index; index into its symbols */
	uint32_t type;		     /* of the first of its relocations */
	size_t relocations;	     /* how many refer to it in this way */
	struct matr_binding binding; /* what the mapping has */
	enum matr_binding_rule rule;
	uint32_t search; /* index into searches */
};

/* Steps are in the order of the search; every object of the scope has one. */
struct matr_explained_search {
	struct matr_search_step *steps; /* n_scope; matr/lookup.h */
	size_t n_matches;
};

struct matr_explanation {
	struct matr_explained_reference *references; /* in scope order */
	size_t n_references;
	struct matr_explained_search *searches; /* each different one once */
	size_t n_searches;
	size_t n_scope;
};

/* Explain every reference to a symbol. If objects define it and none refers to it, *out has no
 * references and one search: that of dlsym() without a version.
 * *out belongs to the caller: matr_explanation_free().
 * Errors: NOT_FOUND (no object of the scope has such a symbol; the message has the nearest
 * names), RESOURCES. */
MATR_API int matr_explain(const struct matr_mapping *mapping, const struct matr_symbol_name *name,
			  struct matr_explanation **out, struct matr_error *err);
MATR_API void matr_explanation_free(struct matr_explanation *explanation);

/* ---- symbols with more than one provider ---- */

struct matr_shadowed {
	const char *name, *version; /* of the reference; version NULL: none */
	uint32_t winner, winner_symbol;
	uint32_t *losers; /* scope indices, in the order in which they would be next */
	size_t n_losers;
	uint32_t requester;  /* the first object that refers to it; the winner if none does */
	size_t n_requesters; /* objects that bind so; 0: no object refers to it */
	bool copied;	     /* the winner is the application's copy of a loser's data */
};

/* List the symbols that the mapping binds and that other objects of the scope could provide too, by
 * name.
 * all: also symbols that no object refers to; the winner is what dlsym() without a version finds.
 * *out belongs to the caller: matr_shadowed_free(). Its names belong to the mapping's objects.
 * Errors: RESOURCES. */
MATR_API int matr_shadowed(const struct matr_mapping *mapping, bool all, struct matr_shadowed **out,
			   size_t *n, struct matr_error *err);
MATR_API void matr_shadowed_free(struct matr_shadowed *shadowed, size_t n);

/* ---- dependencies between objects ---- */

struct matr_need {
	uint32_t requester, object; /* scope indices */
	const char *name;	    /* in the requester's dynamic section */
};

/* List the DT_NEEDED, DT_AUXILIARY and DT_FILTER entries of the scope's objects that lead to one of
 * them, by requester and in the order of the file.
 * *out belongs to the caller: free(). Its names belong to the mapping's objects.
 * Errors: RESOURCES. */
MATR_API int matr_needs(const struct matr_mapping *mapping, struct matr_need **out, size_t *n,
			struct matr_error *err);

/* ---- ld.so's search for an object ---- */

struct matr_place {
	enum matr_search_rule rule;
	char *where;	/* a directory, a path that was asked for, or /etc/ld.so.cache */
	uint32_t owner; /* scope index of the object that has the run path, or asked for the path */
	bool found;	/* there, in the directory or one below it for this CPU */
};

/* List the places in which ld.so looked for an object of the scope, in order, up to the one where
 * it was. They follow from the run paths in the mapping, with $ORIGIN expanded. The application,
 * the dynamic linker, and objects without a DT_NEEDED entry have none.
 * index: the object's scope index.
 * *out belongs to the caller: matr_places_free().
 * Errors: RESOURCES. */
MATR_API int matr_places(const struct matr_mapping *mapping, uint32_t index,
			 struct matr_place **out, size_t *n, struct matr_error *err);
MATR_API void matr_places_free(struct matr_place *places, size_t n);

#ifdef __cplusplus
}
#endif
#endif
