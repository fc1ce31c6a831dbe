/* image.h - an epoch image that is being built. */
#ifndef MATR_IMAGE_IMAGE_H
#define MATR_IMAGE_IMAGE_H

#include <stdbool.h>

#include <matr/image.h>
#include <matr/image_format.h>

#include "base/buffer.h"

struct image_builder {
	struct buffer image; /* opens with room for the header */
	struct buffer scratch;
	uint64_t epoch;
	uint32_t cpu_level;
	uint64_t preload_size;
	int64_t preload_mtime;
	bool portable;
	uint64_t hash; /* the table's place in the image */
	uint32_t hash_size;
	struct matr_image_slot *applications; /* in the order they were added */
	size_t n_applications, capacity;
};

/* Enter a manifest that is in the image under its application's key. */
int image_add_key(struct image_builder *builder, uint64_t key, uint64_t manifest,
		  struct matr_error *err);

#endif
