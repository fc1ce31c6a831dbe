/* content.c - identifying files of portable images, whose inodes and times are not the recorded ones.
 *
 * The bytes that decide bindings are compared by hash: dynamic strings, symbols, versions,
 * relocations. Reading them is what a portable image costs at exec (docs/image-format.md has figures).
 */
#include "ld_stable.h"

struct range {
	uint64_t vaddr, size;
};

bool content_is_recorded(const struct served *served, uint64_t base, uint64_t content)
{
	const struct matr_image_content *recorded = at_place(&served->bases, content);
	const struct range *range = (const struct range *)(recorded + 1);
	uint64_t hash = 0;

	for (uint32_t i = 0; i < recorded->n_ranges; i++, range++)
		hash = matr_image_checksum64((const void *)(base + range->vaddr), range->size,
					     hash);
	return hash == recorded->hash;
}
