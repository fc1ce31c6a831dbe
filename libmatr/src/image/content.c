/* content.c - what identifies a file in a portable image: the bytes that decide its bindings.
 *
 * A copy of a file has another inode and other times. The build-id tells builds apart, whose data the
 * page data holds. It is no proof alone: build trees, package prefixes and rewriters of run paths leave
 * it as it is and change strings.
 */
#include "image/image.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

enum { MAX_RANGES = 8 };

struct range {
	uint64_t vaddr, size;
};

static uint64_t tag_value(const struct matr_object *object, int64_t tag)
{
	for (size_t i = 0; i < object->n_dynamic; i++) {
		if (object->dynamic[i].tag == tag)
			return object->dynamic[i].value;
	}
	return 0;
}

/* The segment that has the range and is never written. */
static const struct matr_segment *segment_of(const struct matr_object *object,
					     const struct range *range)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_LOAD && !(segment->flags & PF_W) &&
		    range->vaddr >= segment->vaddr && range->size <= segment->file_size &&
		    range->vaddr - segment->vaddr <= segment->file_size - range->size)
			return segment;
	}
	return NULL;
}

static size_t find_ranges(const struct matr_object *object, struct range ranges[MAX_RANGES])
{
	const struct range wanted[MAX_RANGES] = {
		{tag_value(object, DT_STRTAB), tag_value(object, DT_STRSZ)},
		{tag_value(object, DT_SYMTAB), object->n_symbols * sizeof(Elf64_Sym)},
		{tag_value(object, DT_VERSYM), object->n_symbols * sizeof(Elf64_Half)},
		{tag_value(object, DT_RELA), tag_value(object, DT_RELASZ)},
		{tag_value(object, DT_JMPREL), tag_value(object, DT_PLTRELSZ)},
		{tag_value(object, DT_RELR), tag_value(object, DT_RELRSZ)},
		{object->dynamic_vaddr, object->n_dynamic * sizeof(Elf64_Dyn)},
		{object->build_id_vaddr, object->build_id.size},
	};
	size_t n = 0;

	for (size_t i = 0; i < MAX_RANGES; i++) {
		if (wanted[i].vaddr && wanted[i].size && segment_of(object, &wanted[i]))
			ranges[n++] = wanted[i];
	}
	return n;
}

int image_content_add(struct image_builder *builder, const struct matr_object *object,
		      uint64_t *offset, struct matr_error *err)
{
	struct {
		struct matr_image_content head;
		struct range ranges[MAX_RANGES];
	} content = {.head = {.hash = 0}};
	void *data;
	size_t size;

	if (file_read(object->path, SIZE_MAX, &data, &size, err) < 0)
		return -1;
	size_t n = find_ranges(object, content.ranges);
	for (size_t i = 0; i < n; i++) {
		const struct range *range = &content.ranges[i];
		const struct matr_segment *segment = segment_of(object, range);
		uint64_t at = segment->offset + range->vaddr - segment->vaddr;
		if (at > size || range->size > size - at) {
			free(data);
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
					 "was changed while the epoch began");
		}
		content.head.hash = matr_image_checksum64((const char *)data + at, range->size,
							  content.head.hash);
	}
	free(data);
	content.head.n_ranges = (uint32_t)n;
	return buffer_share(&builder->image, &content,
			    sizeof content.head + n * sizeof(struct range), 8, offset, err);
}
