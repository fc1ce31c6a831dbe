#include "image/image.h"

#include <stdlib.h>

int image_add_key(struct image_builder *builder, uint64_t key, uint64_t manifest,
		  struct matr_error *err)
{
	if (builder->n_applications == builder->capacity) {
		size_t capacity = builder->capacity ? builder->capacity * 2 : 64;
		struct matr_image_slot *list =
			realloc(builder->applications, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		builder->applications = list;
		builder->capacity = capacity;
	}
	builder->applications[builder->n_applications++] = (struct matr_image_slot){key, manifest};
	return 0;
}
