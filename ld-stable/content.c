/* content.c - comparing what is mapped with what the epoch was begun with, by hash.
 *
 * In portable images, where inodes and times are not the recorded ones, these are the bytes that
 * decide bindings (dynamic strings, symbols, versions, relocations), and of a library the data that
 * page data stands for. Reading them is what a portable image costs at exec. In others it is a part
 * of the application only: /proc/self/exe need not be about this process (an emulator; a directory
 * that only looks like /proc).
 */
#include <linux/mman.h>

#include "ld_stable.h"

struct range {
	uint64_t start, size; /* relative to the load address, or in the file */
};

static bool hash_file_range(long fd, const struct range *range, uint64_t *hash)
{
	uint64_t skip = range->start - page_down(range->start);
	long at = system_call(CALL_MMAP, 0, (long)(skip + range->size), PROT_READ, MAP_PRIVATE, fd,
			      (long)page_down(range->start));

	if (system_call_failed(at))
		return false;
	*hash = matr_image_checksum64((const char *)at + skip, range->size, *hash);
	memory_unmap((uint64_t)at, skip + range->size);
	return true;
}

bool content_is_recorded(const struct served *served, uint64_t base, long fd, uint64_t content)
{
	const struct matr_image_content *recorded = at_place(&served->bases, content);
	const struct range *range = (const struct range *)(recorded + 1);
	uint64_t hash = 0;

	for (uint32_t i = 0; i < recorded->n_ranges; i++, range++)
		hash = matr_image_checksum64((const void *)(base + range->start), range->size,
					     hash);
	for (uint32_t i = 0; i < recorded->n_file_ranges; i++, range++) {
		if (!hash_file_range(fd, range, &hash))
			return false;
	}
	return hash == recorded->hash;
}

/* Test whether the range is in a segment that the kernel has mapped. Nothing has written to the
 * segment yet. */
static bool is_mapped(const struct program *program, const struct range *range)
{
	for (size_t i = 0; i < program->phnum; i++) {
		const Elf64_Phdr *segment = &program->phdr[i];
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_R) &&
		    range->size <= segment->p_filesz && range->start >= segment->p_vaddr &&
		    range->start - segment->p_vaddr <= segment->p_filesz - range->size)
			return true;
	}
	return false;
}

/* The program may be another one, in which the ranges are not what they are in the recorded one. */
bool content_is_program(const struct served *served, const struct program *program,
			uint64_t content)
{
	const struct matr_image_content *recorded = at_place(&served->bases, content);
	const struct range *range = (const struct range *)(recorded + 1);

	for (uint32_t i = 0; i < recorded->n_ranges; i++) {
		if (!is_mapped(program, &range[i]))
			return false;
	}
	return !recorded->n_file_ranges && content_is_recorded(served, program->base, -1, content);
}
