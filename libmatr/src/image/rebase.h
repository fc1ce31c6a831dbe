/* rebase.h - an image's libraries at other addresses. */
#ifndef MATR_IMAGE_REBASE_H
#define MATR_IMAGE_REBASE_H

#include <matr/image.h>

/* Draw another region for the image at `path`, correct the words of its page data that hold
 * addresses, and write what results to `next`. Only while holding the prefix's lock.
 * Errors: MALFORMED, NOT_FOUND (no image), SYSTEM, RESOURCES. */
int image_rebase(const char *path, const char *next, struct matr_error *err);

/* Draw a region that can hold `size` bytes; it differs from `from` by a multiple of `alignment`,
 * a power of two. */
int image_draw_region(uint64_t size, uint64_t from, uint64_t alignment, uint64_t *region,
		      struct matr_error *err);

#endif
