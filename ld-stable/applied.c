/* applied.c - is every object of the process the recorded one?
 *
 * Runs before the first write. The link map must list the recorded scope, in order, and nothing else but
 * the vDSO and ld-stable. An object is the recorded one if it has the recorded name, its dynamic section
 * the recorded place and fingerprint, and its build-id in memory (or, without one, its file's size and
 * time) is the recorded one. The dynamic section comes first: once its addresses match, what the image
 * says of the layout can be relied on, and the build-id be read where it should be.
 */
#include "ld_stable.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

const char *object_reason(const struct link_map_public *map, const struct matr_image_object *object,
			  const struct image *image)
{
	uint32_t fingerprint = 0;

	if ((uint64_t)map->l_ld - map->l_addr != object->dynamic_vaddr)
		return "another file than recorded";
	for (const Elf64_Dyn *dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++)
		fingerprint = matr_image_fingerprint(fingerprint, dyn->d_tag, dyn->d_un.d_val);
	if (fingerprint != object->fingerprint)
		return "another file than recorded";
	if (object->build_id_size) {
		const void *build_id = (const void *)(map->l_addr + object->build_id_vaddr);
		if (!bytes_equal(build_id, object->build_id, object->build_id_size))
			return "another build-id than recorded";
	} else {
		struct file_status status;
		if (!file_status(image_at(image, object->path), &status) ||
		    status.size != object->file_size || status.mtime != object->file_mtime)
			return "another size or time than recorded";
	}
	if (object->witness_vaddr &&
	    *(const uint64_t *)(map->l_addr + object->witness_vaddr) != object->witness_word)
		return "already relocated";
	return NULL;
}

static bool fail(struct surprise *surprise, const char *what, const char *object)
{
	*surprise = (struct surprise){what, object};
	return false;
}

bool objects_are_recorded(struct handover *handover, struct link_map_public *maps,
			  struct surprise *surprise)
{
	const struct image *image = &handover->image;
	const struct matr_image_object *objects = image_objects(image);
	uint32_t n = image->manifest->n_objects;

	/* The application: the interpreter has compared it. Only its load address is still open. */
	if (maps->l_ld != handover->dynamic_copy)
		return fail(surprise, "unexpected link map", NULL);
	handover->bases[0] = maps->l_addr;
	handover->dynamics[0] = maps->l_ld;

	uint32_t i = 1;
	for (const struct link_map_public *map = maps->l_next; map; map = map->l_next) {
		if (map->l_addr == (uint64_t)__ehdr_start ||
		    (handover->sysinfo_ehdr && map->l_addr == handover->sysinfo_ehdr))
			continue;
		if (i == n)
			return fail(surprise, "an object that was not recorded", map->l_name);
		const char *path = image_at(image, objects[i].path);
		if (!(objects[i].flags & MATR_OBJECT_ENTRY_INTERPRETER) &&
		    !string_equal(map->l_name, path))
			return fail(surprise, "an object that was not recorded", map->l_name);
		const char *reason = object_reason(map, &objects[i], image);
		if (reason)
			return fail(surprise, reason, path);
		handover->bases[i] = map->l_addr;
		handover->dynamics[i] = map->l_ld;
		i++;
	}
	if (i != n)
		return fail(surprise, "an object is missing", image_at(image, objects[i].path));
	return true;
}
