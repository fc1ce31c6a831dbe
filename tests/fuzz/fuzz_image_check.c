/* fuzz_image_check.c - matr_image_check() with any image.
 *
 * Checksums would stop every input at once. They, the sizes and the address range are set right
 * first: what is tried is whether the check follows an offset that it should not.
 */
#include "fuzz_file.h"
#include "fuzz_image.h"

#include <stdlib.h>
#include <string.h>

#include <matr/image.h>
#include <matr/image_format.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct matr_image_info info;
	struct matr_error err;
	uint8_t *image;

	if (size < sizeof(struct matr_image_header))
		return 0;
	size_t whole = (size + MATR_IMAGE_PAGE - 1) / MATR_IMAGE_PAGE * MATR_IMAGE_PAGE;
	image = calloc(1, whole);
	if (!image)
		abort();
	memcpy(image, data, size);
	fuzz_image_fix(image, whole);
	const char *path = fuzz_file(image, whole);
	matr_image_check(path, &info, &err);
	free(image);
	return 0;
}
