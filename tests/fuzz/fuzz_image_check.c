/* fuzz_image_check.c - matr_image_check() with any image.
 *
 * Checksums would stop every input at once, so they and the size are set right first: what is tried
 * is whether the check follows an offset that it should not.
 */
#include "fuzz_file.h"

#include <stdlib.h>
#include <string.h>

#include <matr/image.h>
#include <matr/image_format.h>
#include <matr/object.h>

static void fix_manifest(uint8_t *image, size_t size, uint64_t offset)
{
	struct matr_image_manifest manifest;

	if (offset > size || size - offset < sizeof manifest)
		return;
	memcpy(&manifest, image + offset, sizeof manifest);
	if (manifest.size < sizeof manifest || manifest.size > size - offset)
		return;
	manifest.checksum = matr_image_checksum(image + offset + 8, manifest.size - 8);
	memcpy(image + offset, &manifest, sizeof manifest);
}

static void fix_checksums(uint8_t *image, size_t size)
{
	struct matr_image_header header;
	struct matr_image_slot slot;

	memcpy(&header, image, sizeof header);
	header.magic = MATR_IMAGE_MAGIC;
	header.format = MATR_IMAGE_FORMAT;
	header.endian = MATR_IMAGE_ENDIAN;
	header.file_size = size;
	header.n_applications = 0;
	for (uint64_t i = 0; i < header.hash_size; i++) {
		uint64_t at = header.hash + i * sizeof slot;
		if (header.hash > size || at > size || size - at < sizeof slot)
			break;
		memcpy(&slot, image + at, sizeof slot);
		if (!slot.manifest)
			continue;
		header.n_applications++;
		fix_manifest(image, size, slot.manifest);
	}
	header.bulk_checksum =
		matr_image_checksum64(image + sizeof header, size - sizeof header, 0);
	header.checksum = 0;
	header.checksum = matr_image_checksum(&header, sizeof header);
	memcpy(image, &header, sizeof header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct matr_image_info info;
	struct matr_error err;
	uint8_t *image;

	if (size < sizeof(struct matr_image_header))
		return 0;
	image = malloc(size);
	if (!image)
		abort();
	memcpy(image, data, size);
	fix_checksums(image, size);
	const char *path = fuzz_file(image, size);
	matr_image_check(path, &info, &err);
	free(image);
	return 0;
}
