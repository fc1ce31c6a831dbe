/* symbol_index.h - from a symbol name to the objects that define it.
 *
 * Looking a name up means walking the few objects that define it rather than the many of a scope.
 * Each name is compared once, when it is entered.
 */
#ifndef MATR_SYMBOL_INDEX_H
#define MATR_SYMBOL_INDEX_H

#include <stdbool.h>

#include <matr/object.h>

#include "base/intern.h"

struct definition {	 /* one symbol that lookups can find; chained by name */
	uint32_t object; /* number of the object */
	uint32_t symbol;
	uint32_t next; /* index into definitions + 1; 0: last */
};

struct symbol_index {		/* all zero: empty */
	struct indexed_object { /* by number; all zero: not entered */
		const struct matr_object *object;
		uint32_t *names; /* interned name of each symbol */
	} * objects;
	size_t n_objects, object_capacity;
	struct intern names;
	uint32_t *first, *last; /* by name id: index into definitions + 1 */
	size_t name_capacity;
	struct definition *definitions;
	size_t n_definitions, definition_capacity;
};

void symbol_index_free(struct symbol_index *index);

/* Enter the symbols of an object under a number of the caller's choice. The object must live as
 * long as the index. */
int symbol_index_add(struct symbol_index *index, uint32_t number, const struct matr_object *object,
		     struct matr_error *err);

bool symbol_index_has(const struct symbol_index *index, uint32_t number);

/* Test whether the name of the object's symbol is defined more than once. */
bool symbol_index_is_ambiguous(const struct symbol_index *index, uint32_t number, uint32_t symbol);

#endif
