/* object.c - finding an object of the scope, and parts of it.
 *
 * All comes from the image: the recorded paths, and the file headers that ld.so is shown.
 */
#include "ld_stable.h"

/* ld.so asks in the order of the list it was given, so the next object is nearly always the one. */
uint32_t object_find(struct served *served, const char *path)
{
	uint32_t n = served->manifest->n_objects;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = served->next + k < n ? served->next + k : served->next + k - n;
		if (!object_has_library(&served->objects[i]) ||
		    !string_equal(path, at_place(&served->bases, served->objects[i].path)))
			continue;
		served->next = i + 1 < n ? i + 1 : 0;
		return i;
	}
	return 0;
}

const Elf64_Phdr *object_segment(const struct served *served,
				 const struct matr_image_object *object, uint32_t type)
{
	const char *headers = at_place(&served->bases, object->headers);
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)headers;
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(headers + ehdr->e_phoff);
	uint64_t size = ehdr->e_phnum * sizeof *phdr;

	/* No checksum that an exec looks at is of the headers. */
	if (object->headers_size < sizeof *ehdr || size > object->headers_size ||
	    ehdr->e_phoff > object->headers_size - size)
		return NULL;
	for (size_t i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == type)
			return &phdr[i];
	}
	return NULL;
}
