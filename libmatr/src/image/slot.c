/* slot.c - telling masked slots of the hash table from others.
 *
 * A masked slot has all bits of its key inverted. The manifest has the key as it was, so a mask can be
 * told from a key, and the image be checked as it was written.
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
