/* image_builder.h - the state of an image in the making, private to image_*.c. */
#ifndef MATR_IMAGE_BUILDER_H
#define MATR_IMAGE_BUILDER_H

#include <matr/image.h>
#include <matr/image_format.h>

#include "buffer.h"
#include "relocation_plan.h"

struct matr_image_builder {
	struct buffer image; /* opens with room for the header */
	struct buffer scratch;
	uint64_t epoch;
	uint32_t cpu_level;
	uint64_t hash; /* the table's place in the image */
	uint32_t hash_size;
	struct matr_image_slot *applications; /* in the order they were added */
	size_t n_applications, capacity;
};

/* Lay out the manifest that `plan` describes and add its key. */
int image_manifest_add(struct matr_image_builder *builder, const struct matr_mapping *mapping,
		       struct relocation_plan *plan, struct matr_error *err);

#endif
