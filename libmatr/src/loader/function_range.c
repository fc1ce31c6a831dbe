/* function_range.c - reading .eh_frame_hdr and the entries that it lists (function_range.h). */
#include "loader/function_range.h"

#include <stdlib.h>
#include <string.h>

/* Encodings of pointers (DW_EH_PE_*), as GNU ld, gold and lld write them. */
enum {
	VERSION = 1,
	POINTER_PCREL_SDATA4 = 0x1b,
	COUNT_UDATA4 = 0x03,
	TABLE_DATAREL_SDATA4 = 0x3b,
	TABLE_START = 12, /* version and encodings, pointer to .eh_frame, count */
	ENTRY_SIZE = 8,
	MAX_FUNCTIONS = 100000,
};

static int32_t read32(const unsigned char *at)
{
	int32_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

/* Test whether the entry describes a signal frame. Such a function returns from a signal handler.
 * Its entry starts one byte before the function, since unwinders look up the byte before a return
 * address. Returns 1 if so, 0 if not, -1 if the CIE cannot be read. */
static int is_signal_frame(const struct elf_image *image, uint64_t cie)
{
	enum { AUGMENTATION = 9, LONGEST = 8 };
	const unsigned char *at = elf_image_at(image, cie, AUGMENTATION + LONGEST);

	if (!at || read32(at + 4) != 0 || at[8] != VERSION)
		return -1;
	const char *letters = (const char *)at + AUGMENTATION;
	if (!memchr(letters, 0, LONGEST))
		return -1;
	return strchr(letters, 'S') != NULL;
}

/* Range of one entry. It must start at the table's address, which also proves that the entry's
 * pointers are encoded relative to themselves. */
static int read_range(const struct elf_image *image, uint64_t start, uint64_t entry,
		      struct function_range *range)
{
	enum { CIE_POINTER = 4, START = 8, LENGTH = 12, END = 16 };
	const unsigned char *at = elf_image_at(image, entry, END);

	if (!at || (uint32_t)read32(at) < END - CIE_POINTER || read32(at) == -1 ||
	    read32(at + CIE_POINTER) == 0 ||
	    entry + START + (uint64_t)(int64_t)read32(at + START) != start)
		return -1;
	int signal = is_signal_frame(image, entry + CIE_POINTER -
						    (uint64_t)(int64_t)read32(at + CIE_POINTER));
	if (signal < 0)
		return -1;
	range->start = start + (uint64_t)signal;
	range->end = start + (uint32_t)read32(at + LENGTH);
	return range->start < range->end ? 0 : -1;
}

static int read_table(const struct elf_image *image, uint64_t header, const unsigned char *table,
		      struct function_ranges *out)
{
	for (size_t i = 0; i < out->n; i++, table += ENTRY_SIZE) {
		uint64_t start = header + (uint64_t)(int64_t)read32(table);
		uint64_t entry = header + (uint64_t)(int64_t)read32(table + 4);
		if (read_range(image, start, entry, &out->ranges[i]) < 0 ||
		    (i > 0 && start < out->ranges[i - 1].end))
			return -1;
	}
	return 0;
}

/* The entry point is written in assembly, without an entry. It goes on to the next function. */
static void add_entry_point(const struct elf_image *image, struct function_ranges *out)
{
	uint64_t entry = image->header.e_entry;
	size_t i = 0;

	while (i < out->n && out->ranges[i].end <= entry)
		i++;
	if (i == out->n || out->ranges[i].start <= entry)
		return;
	memmove(&out->ranges[i + 1], &out->ranges[i], (out->n - i) * sizeof *out->ranges);
	out->ranges[i].start = entry;
	out->ranges[i].end = out->ranges[i + 1].start;
	out->n++;
}

int function_ranges_read(const struct elf_image *image, struct function_ranges *out,
			 struct matr_error *err)
{
	const Elf64_Phdr *segment = elf_image_segment(image, PT_GNU_EH_FRAME);

	*out = (struct function_ranges){0};
	if (!segment)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, image->path,
				 "has no table of its functions (PT_GNU_EH_FRAME)");
	const unsigned char *at = elf_image_at(image, segment->p_vaddr, segment->p_filesz);
	if (!at || segment->p_filesz < TABLE_START || at[0] != VERSION ||
	    at[1] != POINTER_PCREL_SDATA4 || at[2] != COUNT_UDATA4 || at[3] != TABLE_DATAREL_SDATA4)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, image->path,
				 "its table of functions (.eh_frame_hdr) is in an unknown form");
	out->n = (uint32_t)read32(at + 8);
	if (out->n == 0 || out->n > MAX_FUNCTIONS ||
	    out->n * ENTRY_SIZE > segment->p_filesz - TABLE_START)
		return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
				 "its table of functions (.eh_frame_hdr) is cut off");
	out->ranges = calloc(out->n + 1, sizeof *out->ranges);
	if (!out->ranges)
		return matr_fail_memory(err);
	if (read_table(image, segment->p_vaddr, at + TABLE_START, out) == 0) {
		add_entry_point(image, out);
		return 0;
	}
	function_ranges_free(out);
	return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
			 "its table of functions (.eh_frame_hdr) contradicts .eh_frame");
}

void function_ranges_free(struct function_ranges *ranges)
{
	free(ranges->ranges);
	*ranges = (struct function_ranges){0};
}

const struct function_range *function_range_at(const struct function_ranges *ranges,
					       uint64_t address)
{
	size_t low = 0, high = ranges->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct function_range *range = &ranges->ranges[middle];
		if (address < range->start)
			high = middle;
		else if (address >= range->end)
			low = middle + 1;
		else
			return range;
	}
	return NULL;
}
