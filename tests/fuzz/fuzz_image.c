/* fuzz_image.c - images for the fuzzers. */
#include "fuzz_image.h"

#include <string.h>

#include <matr/image_format.h>

/* The checksum of a piece of `size` bytes that begins with it and its size. */
static void fix_piece(uint8_t *image, size_t size, uint64_t offset)
{
	uint32_t piece[2];

	if (offset > size || size - offset < sizeof piece)
		return;
	memcpy(piece, image + offset, sizeof piece);
	if (piece[1] < sizeof piece || piece[1] > size - offset)
		return;
	piece[0] = matr_image_checksum(image + offset + sizeof piece, piece[1] - sizeof piece);
	memcpy(image + offset, piece, sizeof piece);
}

/* The closures come first: the manifest may have them in its own piece. */
static void fix_manifest(uint8_t *image, size_t size, uint64_t offset)
{
	struct matr_image_manifest manifest;

	if (offset > size || size - offset < sizeof manifest)
		return;
	memcpy(&manifest, image + offset, sizeof manifest);
	fix_piece(image, size, manifest.closures);
	fix_piece(image, size, offset);
}

void fuzz_image_fix(uint8_t *image, size_t size)
{
	struct matr_image_header header;
	struct matr_image_slot slot;

	memcpy(&header, image, sizeof header);
	header.magic = MATR_IMAGE_MAGIC;
	header.format = MATR_IMAGE_FORMAT;
	header.endian = MATR_IMAGE_ENDIAN;
	header.file_size = size;
	if (!header.metadata_size || header.metadata_size > size ||
	    header.metadata_size % MATR_IMAGE_PAGE)
		header.metadata_size = size;
	if (header.region % MATR_IMAGE_PAGE || header.region < MATR_REGION_LOW ||
	    header.region >= MATR_REGION_HIGH)
		header.region = MATR_REGION_LOW;
	if (header.region_size < header.metadata_size ||
	    header.region_size > MATR_REGION_HIGH - header.region)
		header.region_size = MATR_REGION_HIGH - header.region;
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
	header.metadata_checksum = matr_image_checksum64(image + sizeof header,
							 header.metadata_size - sizeof header, 0);
	header.pages_checksum =
		matr_image_checksum64(image + header.metadata_size, size - header.metadata_size, 0);
	header.checksum = 0;
	header.checksum = matr_image_checksum(&header, sizeof header);
	memcpy(image, &header, sizeof header);
}
