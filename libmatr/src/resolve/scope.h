/* scope.h - which objects an application consists of, in which order symbols are looked up in
 * them. */
#ifndef MATR_SCOPE_H
#define MATR_SCOPE_H

#include "mapping/edit.h"
#include "resolve/scope_names.h"
#include "resolve/session.h"

#define SCOPE_INTERPRETER (UINT32_MAX - 1) /* loaded_as: the dynamic linker, in the scope or not */

struct dependency {		    /* the result for one name in one object's dynamic section */
	uint32_t requester, object; /* scope indices; NO_INDEX: a DT_AUXILIARY that is not there */
	uint32_t needed;	    /* position in the requester's `needed` */
};

struct scope {
	struct matr_scope_entry *entries;
	uint32_t *indices; /* session object index of each entry */
	size_t n, capacity;
	uint32_t interpreter;		 /* index of the dynamic linker; n: not in scope */
	struct dependency *dependencies; /* by requester, then by position */
	size_t n_dependencies, dependency_capacity;
	uint32_t flags;		  /* MATR_MAPPING_* */
	const char *library_path; /* LD_LIBRARY_PATH it is for; NULL: none */
	struct scope_names names;
	/* Names that ld.so has for it: a soname only if it was asked for. */
	struct scope_names loaded_as;
	uint32_t n_preload;
	bool rearranged; /* by filters: the order is not that in which the objects were loaded */
	/* Objects that edits append to the application's own scope (matr/edit.h). */
	uint32_t n_own;			  /* entries before that */
	struct scope_addition *additions; /* parallel to the names that were asked for */
};

/* Options for building a scope. Strings are to live as long as the scope. */
struct scope_options {
	const char *library_path;     /* LD_LIBRARY_PATH; NULL: unset */
	const char *const *additions; /* names that follow the application's DT_NEEDED entries */
	size_t n_additions;
	const char *root; /* a library that dlopen() then adds; NULL: none */
	/* Paths of other libraries that the application loads. A name that is found nowhere may
	 * mean one of these. */
	const char *const *other_loads;
	size_t n_other_loads;
};

/* The scope of the application that is session object `application`, under its canonical path:
 * of several (hard links) the one that is started, for $ORIGIN. To be freed also after an error. */
int scope_make(struct matr_session *session, uint32_t application, const char *path,
	       struct scope *out, struct matr_error *err);
/* The same with additions, followed by what dlopen() adds. *n_start: entries before that. */
int scope_make_closure(struct matr_session *session, uint32_t application, const char *path,
		       const struct scope_options *options, struct scope *out, uint32_t *n_start,
		       struct matr_error *err);
void scope_free(struct scope *scope);

#endif
