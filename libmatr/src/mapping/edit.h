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

/* Test whether the edit names the program (canonical path), or covers it by its pattern. */
bool edit_covers(const struct matr_edit *edit, const char *program);

/* Test whether the edit comes into question for a binding of the object. */
bool edit_concerns(const struct matr_edit *edit, const struct matr_object *object);

/* Test whether the edit rebinds references of the object. Always true if the edit names no
 * requester.
 * path: where the object was found; may be NULL. */
bool edit_requests(const struct matr_edit *edit, const struct matr_object *object,
		   const char *path);

/* Test whether the symbol is a definition that other objects can bind to. */
bool edit_can_lead_to(const struct matr_symbol *symbol);

/* Rebind what the edit is about. The library is the addition's object; its own members are spared.
 * Nothing is changed on error. UNSUPPORTED: it is impossible; the message has the reason. */
int mapping_edit(struct matr_mapping *mapping, const struct matr_edit *edit,
		 const struct scope_addition *addition, bool portable,
		 struct edited_bindings *edited, struct matr_error *err);

/* Check, when all edits are made, that the mapping writes every edited word, and not ld.so.
 * Errors: UNSUPPORTED (*edit is the first edit with a word that ld.so writes). */
int mapping_edits_check(const struct matr_mapping *mapping, const struct edited_bindings *edited,
			int64_t *edit, struct matr_error *err);

#endif
