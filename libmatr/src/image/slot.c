/* slot.c - see slot.h. A masked slot has all bits of its key inverted: what the key was follows from the
 * manifest, so that a mask can be told from a key, and the image be checked as it was written. */
#include "image/slot.h"

#include <string.h>

static const struct matr_image_manifest *manifest_of(const void *image, size_t size,
						     const struct matr_image_slot *slot)
{
	uint64_t offset = slot->manifest;
	const struct matr_image_manifest *manifest = (const void *)((const char *)image + offset);

	return offset && !(offset & 7) && offset < size && size - offset >= sizeof *manifest
		       ? manifest
		       : NULL;
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
	const struct matr_image_object *objects;
	uint64_t key;

	if (!manifest || (manifest->objects & 7) || manifest->objects >= size ||
	    size - manifest->objects < sizeof *objects || !manifest->n_objects)
		return false;
	objects = (const void *)((const char *)image + manifest->objects);
	if (objects->build_id_size > MATR_BUILD_ID_SIZE)
		return false;
	if (objects->build_id_size) {
		key = matr_image_key(objects->build_id, objects->build_id_size);
	} else {
		const char *path = image_slot_path(image, size, slot);
		if (!path)
			return false;
		key = matr_image_key(path, strlen(path));
	}
	return slot->key == ~key;
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
