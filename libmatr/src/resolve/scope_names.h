/* scope_names.h - the names under which ld.so knows the objects of a scope.
 *
 * An object is known by its path, by its soname, and by every name that led to it. The first object
 * that has a name is the one that answers to it.
 */
#ifndef MATR_SCOPE_NAMES_H
#define MATR_SCOPE_NAMES_H

#include "base/intern.h"

struct scope_names { /* all zero: empty */
	struct intern intern;
	uint32_t *index;
	size_t capacity;
	char **copies;
	size_t n_copies;
};

void scope_names_free(struct scope_names *names);

/* The name must stay where it is as long as the table, unless it is copied. */
int scope_names_add(struct scope_names *names, const char *name, uint32_t index,
		    struct matr_error *err);
int scope_names_add_copy(struct scope_names *names, const char *name, uint32_t index,
			 struct matr_error *err);

/* UINT32_MAX: nothing has that name. */
uint32_t scope_names_find(const struct scope_names *names, const char *name);

#endif
