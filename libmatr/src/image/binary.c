/* binary.c - a library's file: where it goes in the region, and from what each page is mapped.
 *
 * Everything that is not written comes from the library's file. What relocation may write to, and
 * the last page of initialised data, which ends in zeros, comes from page data. A short .bss does
 * too, since one mapping more takes longer than the zeros are worth.
 */
#include "image/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file_id.h"

enum {
	MAX_SEGMENTS = 64,
	MAX_HEADERS = 65536, /* bytes up to the end of the program headers */
	SHORT_ZEROS = 65536, /* bytes: what Linux maps at one page fault */
};

void image_binary_free(struct image_binary *binary)
{
	free(binary->path);
	free(binary->headers);
	free(binary->segments);
	*binary = (struct image_binary){0};
}

struct matr_image_file image_file_of(const struct image_builder *builder,
				     const struct matr_file_id *id)
{
	if (builder->portable)
		return (struct matr_image_file){.size = id->size};
	return image_file(id);
}

struct matr_image_file image_file(const struct matr_file_id *id)
{
	return (struct matr_image_file){
		.device = id->device,
		.inode = id->inode,
		.size = id->size,
		.mtime = id->mtime,
		.ctime = id->ctime,
	};
}

static uint64_t page_down(uint64_t address)
{
	return address & ~(uint64_t)(MATR_IMAGE_PAGE - 1);
}

static uint64_t page_up(uint64_t address)
{
	return page_down(address + MATR_IMAGE_PAGE - 1);
}

static int unsupported(struct matr_error *err, const struct matr_object *object, const char *what)
{
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path, "%s", what);
}

static uint32_t protection(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

uint64_t image_binary_key(const struct matr_image_file *file, bool packed)
{
	uint64_t key = matr_image_key(file, sizeof *file);

	return packed ? ~key : key;
}

/* ---- segments ---- */

static uint64_t load_end(const struct matr_segment *segment)
{
	return page_up(segment->vaddr + segment->memory_size);
}

static bool has_long_zeros(const struct matr_segment *segment)
{
	return load_end(segment) - page_up(segment->vaddr + segment->file_size) > SHORT_ZEROS;
}

/* Test whether the segments follow each other without a gap, so that they are one range of page
 * data. */
static bool can_be_packed(const struct matr_object *object)
{
	const struct matr_segment *last = NULL;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD || !segment->memory_size)
			continue;
		if (!segment->file_size ||
		    (last && (has_long_zeros(last) || load_end(last) != page_down(segment->vaddr))))
			return false;
		last = segment;
	}
	return last;
}

static int add_piece(struct image_binary *binary, const struct matr_image_segment *piece,
		     const struct matr_object *object, struct matr_error *err)
{
	if (!piece->size)
		return 0;
	if (binary->n_segments == MAX_SEGMENTS)
		return unsupported(err, object, "has too many segments");
	binary->segments[binary->n_segments++] = *piece;
	return 0;
}

/* Add a range, cut where RELRO begins and ends. */
static int add_range(struct image_binary *binary, struct matr_image_segment whole,
		     const struct matr_object *object, struct matr_error *err)
{
	uint64_t end = whole.vaddr + whole.size;

	while (whole.vaddr < end) {
		struct matr_image_segment piece = whole;
		uint64_t stop = end;
		bool writable = whole.protection & PROT_WRITE;
		if (writable && whole.vaddr < binary->relro_low && binary->relro_low < stop)
			stop = binary->relro_low;
		else if (writable && whole.vaddr >= binary->relro_low &&
			 whole.vaddr < binary->relro_high) {
			if (binary->relro_high < stop)
				stop = binary->relro_high;
			piece.relro = 1;
			piece.protection &= ~(uint32_t)PROT_WRITE;
		}
		piece.size = stop - whole.vaddr;
		if (add_piece(binary, &piece, object, err) < 0)
			return -1;
		if (whole.source != MATR_SEGMENT_ZERO)
			whole.offset += piece.size;
		whole.vaddr = stop;
	}
	return 0;
}

static int add_load(struct image_binary *binary, const struct matr_segment *segment,
		    const struct matr_object *object, struct matr_error *err)
{
	uint64_t low = page_down(segment->vaddr);
	uint64_t file_end = page_up(segment->vaddr + segment->file_size);
	uint64_t end = page_up(segment->vaddr + segment->memory_size);
	struct matr_image_segment range = {
		.vaddr = low,
		.size = segment->file_size ? file_end - low : 0,
		.offset = page_down(segment->offset),
		.source = MATR_SEGMENT_FILE,
		.protection = protection(segment->flags),
	};

	if (segment->memory_size > segment->file_size && !(segment->flags & PF_W))
		return unsupported(err, object, "has zero-filled memory that is not writable");
	if (!segment->file_size)
		file_end = low;
	if ((binary->packed || segment->flags & PF_W) && range.size) {
		if (segment->flags & PF_W && !has_long_zeros(segment)) {
			range.size = end - low;
			file_end = end;
		}
		if (binary->packed && binary->n_areas)
			binary->areas[0].size += range.size;
		else if (binary->n_areas == IMAGE_AREAS)
			return unsupported(err, object, "has too many writable segments");
		else
			binary->areas[binary->n_areas++] =
				(struct image_area){low, range.size, binary->pages_size};
		range.source = MATR_SEGMENT_IMAGE;
		range.offset = binary->pages_size;
		binary->pages_size += range.size;
	}
	if (add_range(binary, range, object, err) < 0)
		return -1;
	range = (struct matr_image_segment){
		.vaddr = file_end,
		.size = end - file_end,
		.source = MATR_SEGMENT_ZERO,
		.protection = protection(segment->flags),
	};
	return add_range(binary, range, object, err);
}

/* Check what ld.so checks, and what it takes for granted. */
static int check_loads(const struct matr_object *object, uint64_t *first, uint64_t *end,
		       uint64_t *align, struct matr_error *err)
{
	*first = *end = 0;
	*align = MATR_IMAGE_PAGE;
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD)
			continue;
		uint64_t low = page_down(segment->vaddr);
		if (((segment->vaddr ^ segment->offset) & (MATR_IMAGE_PAGE - 1)) || low < *end ||
		    segment->file_size > segment->memory_size || segment->vaddr >> 40 ||
		    segment->memory_size >> 40)
			return unsupported(err, object,
					   "has segments that overlap or are not pages");
		if (!*end) {
			*first = low;
			if (page_down(segment->offset))
				return unsupported(err, object,
						   "has program headers that are not mapped");
		}
		*end = page_up(segment->vaddr + segment->memory_size);
		if (segment->align > *align)
			*align = segment->align;
	}
	if (*first >= *end)
		return unsupported(err, object, "has no segments");
	if (*align & (*align - 1) || *align > UINT64_C(1) << 32)
		return unsupported(err, object, "has an alignment that is no power of two");
	return 0;
}

static int lay_out(struct image_binary *binary, const struct matr_object *object,
		   struct matr_error *err)
{
	binary->segments = calloc(MAX_SEGMENTS, sizeof *binary->segments);
	if (!binary->segments)
		return matr_fail_memory(err);
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_GNU_RELRO) {
			binary->relro_low = page_down(segment->vaddr);
			binary->relro_high = page_down(segment->vaddr + segment->memory_size);
		}
	}
	for (size_t i = 0; i < object->n_segments; i++) {
		if (object->segments[i].type == PT_LOAD &&
		    add_load(binary, &object->segments[i], object, err) < 0)
			return -1;
	}
	return 0;
}

static int take_base(struct image_builder *builder, struct image_binary *binary,
		     const struct matr_object *object, uint64_t first, uint64_t end,
		     struct matr_error *err)
{
	uint64_t mask = binary->alignment - 1;
	uint64_t low = builder->region + builder->next_base;
	/* The load address is what is aligned: first is a multiple of the page size only. */
	uint64_t load = (low - first + mask) & ~mask;

	if (load + end - builder->region > IMAGE_REGION_MAX)
		return unsupported(err, object, "does not fit into the epoch's address range");
	binary->first = first;
	binary->span = end - first;
	binary->base = load - builder->region;
	builder->next_base = binary->base + end;
	return 0;
}

/* ---- the file ---- */

static int read_exactly(int fd, const struct matr_object *object, void *to, size_t size,
			uint64_t offset, struct matr_error *err)
{
	char *at = to;

	while (size) {
		ssize_t n = pread(fd, at, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return matr_fail_errno(err, object->path, "cannot be read");
		if (n == 0)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
					 "was changed while it was read");
		at += n;
		size -= (size_t)n;
		offset += (size_t)n;
	}
	return 0;
}

static int read_headers(struct image_binary *binary, int fd, const struct matr_object *object,
			struct matr_error *err)
{
	Elf64_Ehdr header;

	if (read_exactly(fd, object, &header, sizeof header, 0, err) < 0)
		return -1;
	uint64_t table = (uint64_t)header.e_phnum * sizeof(Elf64_Phdr);
	if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff < sizeof header ||
	    header.e_phoff > MAX_HEADERS - table || header.e_phoff % 8)
		return unsupported(err, object, "has program headers far from its start");
	binary->headers_size = header.e_phoff + table;
	binary->headers = calloc(1, binary->headers_size);
	if (!binary->headers)
		return matr_fail_memory(err);
	memcpy(binary->headers, &header, sizeof header);
	return read_exactly(fd, object, binary->headers + header.e_phoff, table, header.e_phoff,
			    err);
}

/* The binary's file, which must be the object's; -1 is also an error. */
static int open_file(const struct matr_object *object, struct matr_error *err)
{
	struct stat status;
	int fd = open(object->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return matr_fail_errno(err, object->path, "cannot be opened");
	if (fstat(fd, &status) != 0) {
		matr_fail_errno(err, object->path, "cannot be read");
		close(fd);
		return -1;
	}
	struct matr_file_id id = file_id_of(&status);
	if (!file_id_equal(&id, &object->file)) {
		close(fd);
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
				 "was changed while the epoch began");
	}
	return fd;
}

static uint64_t min_size(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int image_binary_read(const struct image_binary *binary, const struct matr_object *object,
		      unsigned char *to, struct matr_error *err)
{
	int fd = open_file(object, err), result = 0;

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < object->n_segments && !result; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD || !segment->file_size ||
		    !(binary->packed || segment->flags & PF_W))
			continue;
		uint64_t low = page_down(segment->vaddr), skew = segment->vaddr - low;
		uint64_t start = segment->offset - skew, size = segment->file_size + skew;
		/* As a mapping of the file has it: up to the end of the page, or of the file. */
		if (!(segment->flags & PF_W) && object->file.size > start)
			size = min_size(page_up(size), object->file.size - start);
		const struct image_area *into = image_binary_area(binary, low);
		result = read_exactly(fd, object, to + into->at + low - into->vaddr, size, start,
				      err);
	}
	close(fd);
	return result;
}

const struct image_area *image_binary_area(const struct image_binary *binary, uint64_t vaddr)
{
	for (uint32_t i = 0; i < binary->n_areas; i++) {
		const struct image_area *area = &binary->areas[i];
		if (vaddr >= area->vaddr && vaddr - area->vaddr < area->size)
			return area;
	}
	return NULL;
}

int image_binary_headers(struct image_binary *binary, const struct matr_object *object,
			 struct matr_error *err)
{
	if (binary->headers)
		return 0;
	int fd = open_file(object, err);
	if (fd < 0)
		return -1;
	int result = read_headers(binary, fd, object, err);
	close(fd);
	return result;
}

/* ---- finding ---- */

static int make(struct image_builder *builder, struct image_binary *binary,
		const struct matr_object *object, bool packed, struct matr_error *err)
{
	uint64_t first, end;

	binary->id = object->file;
	binary->packed = packed;
	binary->dynamic = object->dynamic_vaddr;
	binary->first_variant = IMAGE_NO_VARIANT;
	binary->path = strdup(object->path);
	if (!binary->path)
		return matr_fail_memory(err);
	int result = image_binary_headers(binary, object, err);
	if (!result)
		result = check_loads(object, &first, &end, &binary->alignment, err);
	if (!result)
		result = lay_out(binary, object, err);
	if (!result && builder->portable)
		result = image_content_add(builder, object, IMAGE_CONTENT_LIBRARY, &binary->content,
					   err);
	return result ? result : take_base(builder, binary, object, first, end, err);
}

int image_binary_enter(struct image_builder *builder, const struct image_binary *binary,
		       uint64_t key, uint32_t *index, struct matr_error *err)
{
	if (array_reserve(&builder->binaries, &builder->binaries_capacity, builder->n_binaries + 1,
			  sizeof *builder->binaries, err) != 0)
		return -1;
	if (map_set(&builder->binary_index, key, builder->n_binaries) != 0)
		return matr_fail_memory(err);
	*index = (uint32_t)builder->n_binaries;
	builder->binaries[builder->n_binaries++] = *binary;
	return 0;
}

int image_binary_find(struct image_builder *builder, const struct matr_object *object, bool pack,
		      uint32_t *index, struct matr_error *err)
{
	struct matr_image_file file = image_file(&object->file);
	bool packed = pack && can_be_packed(object);
	uint64_t key = image_binary_key(&file, packed), found;
	struct image_binary binary = {0};

	if (map_get(&builder->binary_index, key, &found)) {
		*index = (uint32_t)found;
		if (!file_id_equal(&builder->binaries[found].id, &object->file))
			return unsupported(err, object, "has the key of another file");
		return 0;
	}
	if (make(builder, &binary, object, packed, err) < 0 ||
	    image_binary_enter(builder, &binary, key, index, err) < 0) {
		image_binary_free(&binary);
		return -1;
	}
	return 0;
}
