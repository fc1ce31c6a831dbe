/* slot.c - the hash table of an image: entering slots, recognising masked ones, sealing.
 *
 * A masked slot has all bits of its key inverted. The manifest has the key as it was, so a mask can
 * be told from a key, and the image be checked as it was written.
 */
#include "image/slot.h"

#include <string.h>

static const struct matr_image_manifest *manifest_of(const void *image, size_t size,
						     const struct matr_image_slot *slot)
{
	uint64_t offset = slot->manifest;

	if (!offset || offset & 7 || offset >= size ||
	    size - offset < sizeof(struct matr_image_manifest))
		return NULL;
	return (const void *)((const char *)image + offset);
}

const char *image_slot_path(const void *image, size_t size, const struct matr_image_slot *slot)
{
	const struct matr_image_manifest *manifest = manifest_of(image, size, slot);
	const char *bytes = image;

	if (!manifest || manifest->path >= size ||
	    !memchr(bytes + manifest->path, 0, size - manifest->path))
		return NULL;
	return bytes + manifest->path;
}

bool image_slot_is_withdrawn(const void *image, size_t size, const struct matr_image_slot *slot)
{
	const struct matr_image_manifest *manifest = manifest_of(image, size, slot);

	return manifest && slot->key == ~manifest->key;
}

size_t image_slots_unmask(void *image, size_t size)
{
	const struct matr_image_header *header = image;
	struct matr_image_slot *slots = (void *)((char *)image + header->hash);
	size_t n = 0;

	for (uint32_t i = 0; i < header->hash_size; i++) {
		if (!slots[i].manifest || !image_slot_is_withdrawn(image, size, &slots[i]))
			continue;
		slots[i].key = ~slots[i].key;
		n++;
	}
	return n;
}

void image_slots_enter(const void *image, struct matr_image_slot *table, uint32_t table_size,
		       const struct matr_image_slot *slots, size_t n)
{
	for (int any_path = 0; any_path < 2; any_path++) {
		for (size_t i = 0; i < n; i++) {
			const struct matr_image_manifest *manifest =
				(const void *)((const char *)image + slots[i].manifest);
			uint32_t at = manifest->key & (table_size - 1);
			if (any_path == ((manifest->flags & MATR_MANIFEST_PATH) != 0))
				continue;
			while (table[at].manifest)
				at = (at + 1) & (table_size - 1);
			table[at] = slots[i];
		}
	}
}

void image_seal(void *image)
{
	struct matr_image_header *header = image;

	header->metadata_checksum =
		matr_image_checksum64(header + 1, header->metadata_size - sizeof *header, 0);
	header->checksum = 0;
	header->checksum = matr_image_checksum(header, sizeof *header);
}
