/* scope.h - which objects an application consists of, in which order symbols are looked up in them. */
#ifndef MATR_SCOPE_H
#define MATR_SCOPE_H

#include "session.h"

struct scope {
	struct matr_scope_entry *entries;
	uint32_t *indices; /* session object index of each entry */
	size_t n, capacity;
	uint32_t interpreter; /* index of the dynamic linker; n: not in scope */
	/* What each entry's DT_NEEDED entries came to: scope indices, those of entry i from
	 * first_dependency[i] on (n + 1 elements). */
	uint32_t *dependencies, *first_dependency;
	size_t n_dependencies, dependency_capacity;
	uint32_t flags; /* MATR_MAPPING_* */
};

/* The scope of the application that is session object `application`. To be freed also after an error. */
int scope_make(struct matr_session *session, uint32_t application, struct scope *out,
	       struct matr_error *err);
/* The same, followed by what dlopen() of the library at `root` adds. *n_start: entries before that. */
int scope_make_closure(struct matr_session *session, uint32_t application, const char *root,
		       struct scope *out, uint32_t *n_start, struct matr_error *err);
void scope_free(struct scope *scope);

/* The order in which ld.so relocates (and initialises) the objects: scope indices, free(). */
uint32_t *scope_relocation_order(const struct scope *scope, struct matr_error *err);

/* The directories that the entries from `first` on depend on (matr/mapping.h). *out: free each path, then the list. */
int scope_directories(const struct scope *scope, uint32_t first, struct matr_directory **out,
		      size_t *n, struct matr_error *err);

#endif
