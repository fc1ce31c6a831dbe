/* content.c - the hash that identifies a file by its bytes.
 *
 * In a portable image: the bytes that decide its bindings, and a library's data. A copy of a file
 * has another inode and other times. The build-id tells builds apart, whose data the page data
 * holds. It is no proof alone: build trees, package prefixes and rewriters of run paths leave it as
 * it is and change strings.
 *
 * In other images: of an application, some bytes that no other program has at these addresses. Its
 * inode and times identify it, but those are of the file that /proc shows.
 */
#include "image/image.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_DECIDING = 8,
	MAX_RANGES = MAX_DECIDING + IMAGE_AREAS,
};

struct range {
	uint64_t start, size; /* virtual address, or offset in the file */
};

struct ranges {
	struct range list[MAX_RANGES];
	uint32_t n, n_file; /* in memory; in the file, behind those */
};

static uint64_t tag_value(const struct matr_object *object, int64_t tag)
{
	for (size_t i = 0; i < object->n_dynamic; i++) {
		if (object->dynamic[i].tag == tag)
			return object->dynamic[i].value;
	}
	return 0;
}

/* The segment that has the range in the file and, unless `written`, is never written. */
static const struct matr_segment *segment_of(const struct matr_object *object,
					     const struct range *range, bool written)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_LOAD && (written || !(segment->flags & PF_W)) &&
		    range->start >= segment->vaddr && range->size <= segment->file_size &&
		    range->start - segment->vaddr <= segment->file_size - range->size)
			return segment;
	}
	return NULL;
}

static void add_range(const struct matr_object *object, struct range wanted, struct ranges *ranges)
{
	if (wanted.start && wanted.size && segment_of(object, &wanted, false))
		ranges->list[ranges->n++] = wanted;
}

/* Add the writable segments, as they are in the file. */
static void add_data(const struct matr_object *object, bool in_file, struct ranges *ranges)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD || !(segment->flags & PF_W) || !segment->file_size ||
		    ranges->n + ranges->n_file == MAX_RANGES)
			continue;
		ranges->list[ranges->n + ranges->n_file] = (struct range){
			in_file ? segment->offset : segment->vaddr, segment->file_size};
		*(in_file ? &ranges->n_file : &ranges->n) += 1;
	}
}

static void deciding_ranges(const struct matr_object *object, struct ranges *ranges)
{
	const struct range wanted[MAX_DECIDING] = {
		{tag_value(object, DT_STRTAB), tag_value(object, DT_STRSZ)},
		{tag_value(object, DT_SYMTAB), object->n_symbols * sizeof(Elf64_Sym)},
		{tag_value(object, DT_VERSYM), object->n_symbols * sizeof(Elf64_Half)},
		{tag_value(object, DT_RELA), tag_value(object, DT_RELASZ)},
		{tag_value(object, DT_JMPREL), tag_value(object, DT_PLTRELSZ)},
		{tag_value(object, DT_RELR), tag_value(object, DT_RELRSZ)},
		{object->dynamic_vaddr, object->n_dynamic * sizeof(Elf64_Dyn)},
		{object->build_id_vaddr, object->build_id.size},
	};

	for (size_t i = 0; i < MAX_DECIDING; i++)
		add_range(object, wanted[i], ranges);
}

/* The program headers and the strings, where there is no build-id. */
static void telling_ranges(const struct matr_object *object, struct ranges *ranges)
{
	const struct range strings = {tag_value(object, DT_STRTAB), tag_value(object, DT_STRSZ)};

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_PHDR && ranges->n == 0)
			add_range(object, (struct range){segment->vaddr, segment->file_size},
				  ranges);
	}
	add_range(object, strings, ranges);
}

static void find_ranges(const struct matr_object *object, enum image_content kind,
			struct ranges *ranges)
{
	if (kind == IMAGE_CONTENT_TELLING) {
		telling_ranges(object, ranges);
		return;
	}
	deciding_ranges(object, ranges);
	/* A library's is in page data; an application's has the addends of DT_RELR. */
	if (kind == IMAGE_CONTENT_LIBRARY)
		add_data(object, true, ranges);
	else if (object->n_relr)
		add_data(object, false, ranges);
}

/* Go on with the hash over bytes of the file. */
static int hash_bytes(int fd, const struct matr_object *object, struct range file, uint64_t *hash,
		      struct matr_error *err)
{
	void *bytes = malloc(file.size);
	int result = 0;

	if (!bytes)
		return matr_fail_memory(err);
	if (pread(fd, bytes, file.size, (off_t)file.start) != (ssize_t)file.size)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
				   "was changed while the epoch began");
	else
		*hash = matr_image_checksum64(bytes, file.size, *hash);
	free(bytes);
	return result;
}

static int hash_ranges(int fd, const struct matr_object *object, const struct ranges *ranges,
		       uint64_t *hash, struct matr_error *err)
{
	int result = 0;

	for (uint32_t i = 0; i < ranges->n + ranges->n_file && !result; i++) {
		struct range range = ranges->list[i];
		if (i < ranges->n) {
			const struct matr_segment *segment = segment_of(object, &range, true);
			range.start += segment->offset - segment->vaddr;
		}
		result = hash_bytes(fd, object, range, hash, err);
	}
	return result;
}

/* Hash the build-id, which tells programs apart. It is in the object, so the unchanged file is not
 * opened. Returns false if the program has none that is mapped. */
static bool hash_build_id(const struct matr_object *object, struct ranges *ranges, uint64_t *hash)
{
	add_range(object, (struct range){object->build_id_vaddr, object->build_id.size}, ranges);
	if (ranges->n)
		*hash = matr_image_checksum64(object->build_id.bytes, object->build_id.size, 0);
	return ranges->n;
}

static int hash_file(const struct matr_object *object, enum image_content kind,
		     struct ranges *ranges, uint64_t *hash, struct matr_error *err)
{
	int fd = open(object->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return matr_fail_errno(err, object->path, "cannot be opened");
	find_ranges(object, kind, ranges);
	int result = hash_ranges(fd, object, ranges, hash, err);
	close(fd);
	return result;
}

int image_content_add(struct image_builder *builder, const struct matr_object *object,
		      enum image_content kind, uint64_t *offset, struct matr_error *err)
{
	struct {
		struct matr_image_content head;
		struct range ranges[MAX_RANGES];
	} content = {.head = {.hash = 0}};
	struct ranges ranges = {.n = 0};

	if (kind != IMAGE_CONTENT_TELLING || !hash_build_id(object, &ranges, &content.head.hash)) {
		if (hash_file(object, kind, &ranges, &content.head.hash, err) != 0)
			return -1;
	}
	content.head.n_ranges = ranges.n;
	content.head.n_file_ranges = ranges.n_file;
	memcpy(content.ranges, ranges.list, sizeof content.ranges);
	return buffer_share(&builder->image, &content,
			    sizeof content.head + (ranges.n + ranges.n_file) * sizeof(struct range),
			    8, offset, err);
}
