/* edit.h - changing bindings of a mapping (matr/edit.h). */
#ifndef MATR_MAPPING_EDIT_H
#define MATR_MAPPING_EDIT_H

#include <matr/edit.h>

/* Entries that one library of an edit adds to the scope. */
struct scope_addition {
	uint32_t object; /* scope index of the library */
	uint32_t first,
		end; /* entries that came with it, itself included; none if it was there already */
};

struct edited_bindings { /* by object and relocation */
	struct matr_edited_binding *list;
	size_t n, room;
};

void edited_bindings_free(struct edited_bindings *edited);

/* Is the program, by its canonical path, one that the edit names or covers by its pattern? */
bool edit_covers(const struct matr_edit *edit, const char *program);

/* Does a binding of the object come into question for the edit? */
bool edit_concerns(const struct matr_edit *edit, const struct matr_object *object);

/* Whether the edit rebinds references of the object, found under `path` (which may be NULL). Always
 * true if the edit names no requester. */
bool edit_requests(const struct matr_edit *edit, const struct matr_object *object,
		   const char *path);

/* Is it a definition that others can bind to? */
bool edit_can_lead_to(const struct matr_symbol *symbol);

/* Rebind what the edit is about. The library is the addition's object; its own members are spared.
 * Nothing is changed on error. UNSUPPORTED: it is impossible; the message has the reason. */
int mapping_edit(struct matr_mapping *mapping, const struct matr_edit *edit,
		 const struct scope_addition *addition, bool portable,
		 struct edited_bindings *edited, struct matr_error *err);

/* When all edits are made: is every edited word one that the mapping writes, and not ld.so?
 * UNSUPPORTED: not, and *edit is the first whose is not. */
int mapping_edits_check(const struct matr_mapping *mapping, const struct edited_bindings *edited,
			int64_t *edit, struct matr_error *err);

#endif
