/* closures.h - the part of an image that is about libraries loaded with dlopen(). */
#ifndef MATR_IMAGE_CLOSURES_H
#define MATR_IMAGE_CLOSURES_H

#include <matr/mapping.h>

#include "image/image.h"

struct image_closures {	 /* one application's, laid out */
	uint64_t offset; /* struct matr_image_closures; 0: none */
	size_t n_loaded, n_closures, n_relocations, n_residual;
};

/* Lay out the closures. Those that ld-stable cannot apply get a reason. */
int image_closures_add(struct image_builder *builder, struct matr_closure *closures,
		       size_t n_closures, struct image_closures *out, struct matr_error *err);

#endif
