/* fuzz_image.h - epoch images for fuzzers. */
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Set checksums, sizes and the address range right, which would stop every input at once. `size`
 * is at least that of the header. */
void fuzz_image_fix(uint8_t *image, size_t size);

#endif
