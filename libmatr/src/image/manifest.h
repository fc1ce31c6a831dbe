/* manifest.h - one application's manifest in an image. */
#ifndef MATR_IMAGE_MANIFEST_H
#define MATR_IMAGE_MANIFEST_H

#include "image/closures.h"
#include "mapping/plan.h"

/* Lay out the manifest that `plan` describes, and enter it under its application's key. */
int image_manifest_add(struct image_builder *builder, const struct matr_mapping *mapping,
		       struct relocation_plan *plan, const struct image_closures *closures,
		       struct matr_error *err);

#endif
