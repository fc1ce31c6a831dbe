/* pieces.h - what manifests and closures of an image have in common: entries of objects and of IFUNC resolvers. */
#ifndef MATR_IMAGE_PIECES_H
#define MATR_IMAGE_PIECES_H

#include "image/image.h"
#include "mapping/plan.h"

/* Lay out everything that an object's entry refers to outside the manifest, and fill in the entry. */
int image_object_pieces(struct image_builder *builder, const struct matr_scope_entry *entry,
			struct object_plan *plan, struct matr_image_object *out,
			struct matr_error *err);

/* Sort the plan's IFUNCs into one entry per resolver. Both arrays have room for plan->n_ifuncs. Returns the number of
 * entries. */
uint32_t image_group_ifuncs(struct relocation_plan *plan, struct matr_image_ifunc *ifuncs,
			    uint64_t *slots);

#endif
