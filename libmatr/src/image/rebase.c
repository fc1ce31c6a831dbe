/* rebase.c - an image's libraries at other addresses.
 *
 * All that depends on the region is what random placement corrects at exec: the words that `shifts`
 * lists.
 */
#include "image/rebase.h"

#include <string.h>
#include <sys/random.h>

#include <matr/image_format.h>

#include "image/copy.h"

int image_draw_region(uint64_t size, uint64_t from, uint64_t alignment, uint64_t *region,
		      struct matr_error *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return matr_fail_errno(err, NULL, "no random numbers for the layout");
	*region = matr_region_place(random, size + alignment);
	*region += (from - *region) & (alignment - 1);
	return 0;
}

static const struct matr_image_library *libraries_of(const unsigned char *bytes)
{
	const struct matr_image_header *header = (const void *)bytes;

	return (const void *)(bytes + header->libraries);
}

/* The largest alignment of any library: all of them keep theirs. */
static uint64_t alignment_of(const unsigned char *bytes)
{
	const struct matr_image_header *header = (const void *)bytes;
	const struct matr_image_library *library = libraries_of(bytes);
	uint64_t alignment = MATR_IMAGE_PAGE;

	for (uint32_t i = 0; i < header->n_libraries; i++) {
		if (library[i].alignment > alignment)
			alignment = library[i].alignment;
	}
	return alignment;
}

/* The word of page data at this address of the library; NULL: it is not in page data. */
static unsigned char *word_at(unsigned char *bytes, const struct matr_image_library *library,
			      uint64_t vaddr)
{
	const struct matr_image_header *header = (const void *)bytes;
	const struct matr_image_segment *segment = (const void *)(bytes + library->segments);

	for (uint32_t i = 0; i < library->n_segments; i++, segment++) {
		if (segment->source != MATR_SEGMENT_IMAGE || vaddr < segment->vaddr ||
		    segment->size < sizeof(uint64_t) ||
		    vaddr - segment->vaddr > segment->size - sizeof(uint64_t))
			continue;
		uint64_t at = segment->offset + vaddr - segment->vaddr;
		return at <= header->file_size - sizeof(uint64_t) ? bytes + at : NULL;
	}
	return NULL;
}

static int shift_library(unsigned char *bytes, const struct matr_image_library *library,
			 uint64_t distance)
{
	const struct matr_image_shifts *shifts = (const void *)(bytes + library->shifts);
	uint64_t vaddr, word;

	if (!library->shifts)
		return 0;
	struct matr_image_places places = matr_image_places(matr_image_shifts_entries(shifts),
							    shifts->n_entries, shifts->start);
	while (matr_image_next_place(&places, &vaddr)) {
		unsigned char *at = word_at(bytes, library, vaddr);
		if (!at)
			return -1;
		memcpy(&word, at, sizeof word);
		word += distance;
		memcpy(at, &word, sizeof word);
	}
	return 0;
}

/* bytes: the whole image, in memory, checked. */
static int rebase(unsigned char *bytes, const char *path, struct matr_error *err)
{
	struct matr_image_header *header = (void *)bytes;
	uint64_t region;

	if (image_draw_region(header->region_size, header->region, alignment_of(bytes), &region,
			      err) != 0)
		return -1;
	for (uint32_t i = 0; i < header->n_libraries; i++) {
		if (shift_library(bytes, &libraries_of(bytes)[i], region - header->region) != 0)
			return matr_fail(err, MATR_ERROR_MALFORMED, path,
					 "a word that holds an address is not in its page data");
	}
	header->region = region;
	header->pages_checksum = matr_image_checksum64(
		bytes + header->metadata_size, header->file_size - header->metadata_size, 0);
	header->checksum = 0; /* that of the metadata behind the header stays */
	header->checksum = matr_image_checksum(header, sizeof *header);
	return 0;
}

int image_rebase(const char *path, const char *next, struct matr_error *err)
{
	struct image_copy copy;

	if (image_copy_open(path, &copy, err) != 0)
		return -1;
	int result = rebase(copy.bytes, path, err);
	if (result == 0)
		result = image_copy_write(&copy, next, err);
	image_copy_close(&copy);
	return result;
}
