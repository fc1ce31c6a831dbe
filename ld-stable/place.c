/* place.c - mapping an application's libraries where the epoch's layout has them.
 *
 * Runs before ld.so. Each library is opened once; the descriptor that is compared with the recorded
 * file is the one that is mapped. Text and read-only data come from the library, whatever
 * relocation writes to from the image. Of packed libraries all comes from the image, mapped for
 * many at once, and the file is only compared. Either every library is there, relocated, or none
 * is.
 */
#include <linux/mman.h>

#include "ld_stable.h"

static int protection_of(const struct matr_image_segment *segment, bool relro_writable)
{
	return (int)segment->protection | (segment->relro && relro_writable ? PROT_WRITE : 0);
}

/* Count the segments from this one on that make one mapping. */
static uint32_t run_length(const struct matr_image_segment *segment, uint32_t n,
			   bool relro_writable)
{
	uint32_t length = 1;

	for (; length < n; length++) {
		const struct matr_image_segment *last = &segment[length - 1], *next = last + 1;
		if (next->source != last->source || next->vaddr != last->vaddr + last->size ||
		    (next->source != MATR_SEGMENT_ZERO &&
		     next->offset != last->offset + last->size) ||
		    protection_of(next, relro_writable) != protection_of(last, relro_writable))
			break;
	}
	return length;
}

static void unmap_segments(uint64_t base, const struct matr_image_segment *segment, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++, segment++)
		memory_unmap(base + segment->vaddr, segment->size);
}

/* Runs of pages that are written before ld.so runs. */
struct written {
	const struct matr_image_written *list;
	uint32_t n;
};

static struct written written_pages(const struct served *served,
				    const struct matr_image_object *object)
{
	const struct matr_image_library *library = object_library(served, object);

	if (served->bases.place != served->header->region && library->shifts) {
		const struct matr_image_shifts *shifts = at_place(&served->bases, library->shifts);
		return (struct written){matr_image_shifts_written(shifts), shifts->n_written};
	}
	if (object->patches) {
		const struct matr_image_program *patches =
			at_place(&served->bases, object->patches);
		return (struct written){matr_image_program_written(patches), patches->n_written};
	}
	return (struct written){NULL, 0};
}

/* One range of the library that is mapped from one source. */
struct range {
	uint64_t base;	     /* of the library */
	uint64_t start, end; /* relative to it */
	uint64_t offset;
	long fd;
	int protection, flags;
};

/* Map from *at up to `end`, which becomes *at. */
static bool map_part(const struct range *range, uint64_t *at, uint64_t end, int flags)
{
	if (*at < end &&
	    !memory_map(range->base + *at, end - *at, range->protection, range->flags | flags,
			range->fd, range->offset + *at - range->start))
		return false;
	*at = end;
	return true;
}

/* Map the range, and have the pages of it that will be written there at once: one call is quicker
 * than a page fault each. madvise() could do that to any pages, but ld.so and libc do without at
 * start, and a seccomp filter may kill the process for it. */
static bool map_range(const struct range *range, const struct written *written)
{
	enum { PAGES_PER_CALL = 3 }; /* as many page faults take longer than another mapping */
	uint32_t n = range->protection & PROT_WRITE ? written->n : 0;
	uint64_t at = range->start;
	bool mapped = true;

	for (uint32_t i = 0; i < n && mapped; i++) {
		const struct matr_image_written *pages = &written->list[i];
		uint64_t from = pages->vaddr > at ? pages->vaddr : at;
		uint64_t to = pages->vaddr + pages->size;
		if (to > range->end)
			to = range->end;
		unsigned calls = (from > at) + (to < range->end);
		if (from < to && to - from > (uint64_t)calls * PAGES_PER_CALL * MATR_IMAGE_PAGE)
			mapped = map_part(range, &at, from, 0) &&
				 map_part(range, &at, to, MAP_POPULATE);
	}
	mapped = mapped && map_part(range, &at, range->end, 0);
	if (!mapped) /* only that: something else may be where it could not be mapped */
		memory_unmap(range->base + range->start, at - range->start);
	return mapped;
}

static bool map_segments(const struct served *served, const struct matr_image_object *object,
			 long fd, bool relro_writable)
{
	const struct matr_image_library *library = object_library(served, object);
	const struct matr_image_segment *segments = at_place(&served->bases, library->segments);
	const struct written nothing = {NULL, 0}, written = written_pages(served, object);
	uint64_t base = served->bases.place + library->base;

	for (uint32_t i = 0, n; i < library->n_segments; i += n) {
		const struct matr_image_segment *segment = &segments[i];
		n = run_length(segment, library->n_segments - i, relro_writable);
		const struct matr_image_segment *last = &segment[n - 1];
		struct range range = {
			.base = base,
			.start = segment->vaddr,
			.end = last->vaddr + last->size,
			.offset = segment->offset,
			.fd = fd,
			.protection = protection_of(segment, relro_writable),
			.flags = MAP_PRIVATE,
		};
		bool image = segment->source == MATR_SEGMENT_IMAGE;
		if (image) {
			range.fd = served->image_fd;
		} else if (segment->source == MATR_SEGMENT_ZERO) {
			range.flags |= MAP_ANONYMOUS;
			range.fd = -1;
			range.offset = 0;
		}
		if (!map_range(&range, image ? &written : &nothing)) {
			unmap_segments(base, segments, i);
			return false;
		}
	}
	return true;
}

void place_unmap_library(const struct served *served, const struct matr_image_object *object)
{
	const struct matr_image_library *library = object_library(served, object);

	unmap_segments(served->bases.place + library->base,
		       at_place(&served->bases, library->segments), library->n_segments);
}

static long open_library(const struct served *served, const struct matr_image_object *object,
			 const char **reason)
{
	const struct matr_image_library *library = object_library(served, object);
	struct file_status status;

	long fd = file_open(at_place(&served->bases, object->path));
	*reason = NULL;
	if (fd < 0)
		*reason = "a library is gone or cannot be read";
	else if (!file_status_fd((int)fd, &status) ||
		 !file_is_recorded(&status, &library->file, served->header->flags))
		*reason = "a library is not the recorded file";
	return fd;
}

const char *place_check(const struct served *served, const struct matr_image_object *object)
{
	const char *reason;
	long fd = open_library(served, object, &reason);

	if (fd >= 0)
		file_close(fd);
	return reason;
}

const char *place_check_libraries(const struct served *served, const char **culprit)
{
	for (uint32_t i = 1; i < served->manifest->n_objects; i++) {
		const struct matr_image_object *object = &served->objects[i];
		const char *reason =
			object_has_library(object) ? place_check(served, object) : NULL;
		if (reason) {
			*culprit = at_place(&served->bases, object->path);
			return reason;
		}
	}
	return NULL;
}

/* ---- packed libraries ---- */

static void unmap_runs(const struct served *served, uint32_t n)
{
	const struct matr_image_run *run = at_place(&served->bases, served->manifest->runs);

	for (uint32_t i = 0; i < n; i++, run++)
		memory_unmap(served->bases.place + run->at, run->size);
}

/* Read-only as yet. */
static bool map_runs(const struct served *served)
{
	const struct matr_image_run *run = at_place(&served->bases, served->manifest->runs);

	for (uint32_t i = 0; i < served->manifest->n_runs; i++, run++) {
		if (!memory_map(served->bases.place + run->at, run->size, PROT_READ, MAP_PRIVATE,
				served->image_fd, served->header->metadata_size + run->offset)) {
			unmap_runs(served, i);
			return false;
		}
	}
	return true;
}

/* Give the segments that are in a run their protection, and map the rest: a long .bss. */
static bool protect_packed(const struct served *served, const struct matr_image_library *library,
			   bool relro_writable)
{
	const struct matr_image_segment *segment = at_place(&served->bases, library->segments);
	uint64_t base = served->bases.place + library->base;

	for (uint32_t i = 0, n; i < library->n_segments; i += n, segment += n) {
		n = run_length(segment, library->n_segments - i, relro_writable);
		const struct matr_image_segment *last = &segment[n - 1];
		uint64_t size = last->vaddr + last->size - segment->vaddr;
		int protection = protection_of(segment, relro_writable);
		if (segment->source == MATR_SEGMENT_ZERO) {
			if (!memory_map(base + segment->vaddr, size, protection,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
				return false;
		} else if (protection != PROT_READ &&
			   system_call(CALL_MPROTECT, (long)(base + segment->vaddr), (long)size,
				       protection, 0, 0, 0) != 0) {
			return false;
		}
	}
	return true;
}

/* The file's contents are in the image: check only that it is still the recorded one. */
static const char *take_packed(const struct served *served, const struct matr_image_object *object,
			       bool relro_writable)
{
	const struct matr_image_library *library = object_library(served, object);
	struct file_status status;

	if (!file_status(at_place(&served->bases, object->path), &status))
		return "a library is gone or cannot be read";
	if (!file_is_recorded(&status, &library->file, served->header->flags))
		return "a library is not the recorded file";
	return protect_packed(served, library, relro_writable) ? NULL
							       : "a library cannot be protected";
}

static const char *map_library(const struct served *served, const struct matr_image_object *object,
			       bool relro_writable)
{
	const struct matr_image_library *library = object_library(served, object);
	const char *reason;

	long fd = open_library(served, object, &reason);
	if (fd < 0)
		return reason;
	if (!reason && !map_segments(served, object, fd, relro_writable))
		reason = "a library's address range is taken, or mapping it is not allowed";
	if (!reason && library->content &&
	    !content_is_recorded(served, served->bases.place + library->base, fd,
				 library->content)) {
		place_unmap_library(served, object);
		reason = "a library has other content than the recorded one";
	}
	file_close(fd);
	return reason;
}

void place_unmap(const struct served *served, uint32_t n_objects)
{
	for (uint32_t i = 1; i < n_objects; i++) {
		if (object_has_library(&served->objects[i]))
			place_unmap_library(served, &served->objects[i]);
	}
}

bool place_protect(const struct served *served, const struct matr_image_object *object)
{
	const struct matr_image_library *library = object_library(served, object);
	const struct matr_image_segment *segment = at_place(&served->bases, library->segments);

	for (uint32_t i = 0; i < library->n_segments; i++, segment++) {
		uint64_t at = served->bases.place + library->base + segment->vaddr;
		if (segment->relro && system_call(CALL_MPROTECT, (long)at, (long)segment->size,
						  (long)segment->protection, 0, 0, 0) != 0)
			return false;
	}
	return true;
}

/* Words of the library that differ in this process from the page data. */
static const char *finish_library(const struct served *served,
				  const struct matr_image_object *object, bool relro_writable)
{
	const struct matr_image_library *library = object_library(served, object);
	uint64_t base = served->bases.place + library->base;
	uint64_t distance = served->bases.place - served->header->region;

	if (distance)
		relocate_shift(&served->bases, base, library->shifts, distance);
	relocate_program(&served->bases, base, object->patches);
	if (relro_writable &&
	    !(object->flags & (MATR_OBJECT_ENTRY_RESIDUAL | MATR_OBJECT_ENTRY_LATE_RELRO)) &&
	    !place_protect(served, object))
		return "a library cannot be protected";
	return NULL;
}

const char *place_library(const struct served *served, const struct matr_image_object *object)
{
	const uint32_t writes = MATR_OBJECT_ENTRY_RESIDUAL | MATR_OBJECT_ENTRY_WRITES_RELRO |
				MATR_OBJECT_ENTRY_LATE_RELRO;
	bool moved = served->bases.place != served->header->region;
	bool relro_writable = moved || (object->flags & writes);

	const char *reason = object->flags & MATR_OBJECT_ENTRY_PACKED
				     ? take_packed(served, object, relro_writable)
				     : map_library(served, object, relro_writable);
	if (reason)
		return reason;
	reason = finish_library(served, object, relro_writable);
	if (reason)
		place_unmap_library(served, object);
	return reason;
}

const char *place_libraries(struct served *served, const char **culprit)
{
	if (!map_runs(served))
		return "the libraries' address range is taken, or mapping it is not allowed";
	for (uint32_t i = 1; i < served->manifest->n_objects; i++) {
		const struct matr_image_object *object = &served->objects[i];
		const char *reason =
			object_has_library(object) ? place_library(served, object) : NULL;
		if (object_has_library(object))
			served->last_library = i;
		if (reason) {
			*culprit = at_place(&served->bases, object->path);
			place_unmap(served, i);
			unmap_runs(served, served->manifest->n_runs);
			return reason;
		}
	}
	return NULL;
}
