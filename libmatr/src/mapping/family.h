/* family.h - edits that tear an allocator apart. */
#ifndef MATR_MAPPING_FAMILY_H
#define MATR_MAPPING_FAMILY_H

#include "mapping/edit.h"

/* Check that no edit moves a part of an allocator only, so that memory of one is given to another.
 * UNSUPPORTED: one does; the message names both parts. */
int family_check(const struct matr_mapping *mapping, const struct edited_bindings *edited,
		 const struct matr_edit *edits, size_t n_edits, struct matr_error *err);

#endif
