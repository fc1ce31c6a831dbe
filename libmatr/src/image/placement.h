/* placement.h - where an image has the libraries of an application. */
#ifndef MATR_IMAGE_PLACEMENT_H
#define MATR_IMAGE_PLACEMENT_H

#include <stdbool.h>

#include <matr/image.h>

struct image_placement {
	enum matr_layout layout; /* SHARED, RANDOM or PACK */
	uint64_t region;
	uint32_t n_relocations, n_objects;
};

/* Find the application, by its canonical path, in the image file. Returns 1 if it is there,
 * withdrawn or not, 0 if not, -1 on error (NOT_FOUND: there is no image). Nothing but the header
 * is checked. */
int image_placement(const char *image, const char *application, struct image_placement *out,
		    struct matr_error *err);

/* The layout of a manifest with these flags. */
enum matr_layout image_layout(uint32_t manifest_flags);

/* Test whether an application of this layout and size is placed at random. */
bool image_is_random(enum matr_layout layout, uint32_t n_relocations, uint32_t n_objects);

#endif
