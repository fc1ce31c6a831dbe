/* content.c - what identifies a file by its bytes.
 *
 * In a portable image: the bytes that decide its bindings. A copy of a file has another inode and other
 * times. The build-id tells builds apart, whose data the page data holds. It is no proof alone: build
 * trees, package prefixes and rewriters of run paths leave it as it is and change strings.
 *
 * In other images: of an application, some bytes that no other program has at these addresses. Its
 * inode and times identify it, but those are of the file that /proc shows.
 */
#include "image/image.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

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

static size_t add_range(const struct matr_object *object, struct range wanted, struct range *ranges,
			size_t n)
{
	if (!wanted.vaddr || !wanted.size || !segment_of(object, &wanted))
		return n;
	ranges[n] = wanted;
	return n + 1;
}

static size_t deciding_ranges(const struct matr_object *object, struct range ranges[MAX_RANGES])
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

	for (size_t i = 0; i < MAX_RANGES; i++)
		n = add_range(object, wanted[i], ranges, n);
	return n;
}

/* The program headers and the build-id, which is near them; the strings where there is none. */
static size_t telling_ranges(const struct matr_object *object, struct range ranges[MAX_RANGES])
{
	const struct range build_id = {object->build_id_vaddr, object->build_id.size};
	const struct range strings = {tag_value(object, DT_STRTAB), tag_value(object, DT_STRSZ)};
	size_t n = 0;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_PHDR && n == 0)
			n = add_range(object, (struct range){segment->vaddr, segment->file_size},
				      ranges, n);
	}
	return add_range(object, build_id.size ? build_id : strings, ranges, n);
}

/* Go on with the hash over one range of the file. */
static int hash_range(int fd, const struct matr_object *object, const struct range *range,
		      uint64_t *hash, struct matr_error *err)
{
	const struct matr_segment *segment = segment_of(object, range);
	void *bytes = malloc(range->size);

	if (!bytes)
		return matr_fail_memory(err);
	int result = 0;
	if (pread(fd, bytes, range->size,
		  (off_t)(segment->offset + range->vaddr - segment->vaddr)) != (ssize_t)range->size)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
				   "was changed while the epoch began");
	else
		*hash = matr_image_checksum64(bytes, range->size, *hash);
	free(bytes);
	return result;
}

int image_content_add(struct image_builder *builder, const struct matr_object *object,
		      enum image_content kind, uint64_t *offset, struct matr_error *err)
{
	struct {
		struct matr_image_content head;
		struct range ranges[MAX_RANGES];
	} content = {.head = {.hash = 0}};
	int result = 0;

	int fd = open(object->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return matr_fail_errno(err, object->path, "cannot be opened");
	size_t n = kind == IMAGE_CONTENT_DECIDING ? deciding_ranges(object, content.ranges)
						  : telling_ranges(object, content.ranges);
	for (size_t i = 0; i < n && !result; i++)
		result = hash_range(fd, object, &content.ranges[i], &content.head.hash, err);
	close(fd);
	if (result)
		return result;
	content.head.n_ranges = (uint32_t)n;
	return buffer_share(&builder->image, &content,
			    sizeof content.head + n * sizeof(struct range), 8, offset, err);
}
