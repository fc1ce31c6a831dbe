/* program_header.c - the segments of an object, PT_INTERP included.
 *
 * Everything else is found by virtual address, so this is where it is made sure that addresses mean
 * something: PT_LOAD segments lie within the file, ascend and do not overlap (gABI, "Program
 * Header"), and none wraps around the end of the address space.
 */
#include "elf/reader.h"

#include <stdlib.h>
#include <string.h>

/* The kernel refuses an executable with more than 64 KiB of program headers. */
enum { PROGRAM_HEADERS_MAX = 65536, PAGE = 4096 };

static int check_load_segment(struct elf_reader *reader, const struct matr_segment *segment,
			      uint64_t *end)
{
	const char *fault = NULL;

	if (segment->file_size > segment->memory_size)
		fault = "is larger in the file than in memory";
	else if (segment->vaddr > UINT64_MAX - segment->memory_size)
		fault = "wraps around the address space";
	else if ((segment->vaddr - segment->offset) % PAGE)
		fault = "is not aligned as its bytes in the file are, within a page";
	else if (segment->vaddr < *end)
		fault = "overlaps or precedes the one before";
	else if (segment->file_size > reader->file_size ||
		 segment->offset > reader->file_size - segment->file_size)
		fault = "reaches beyond the end of the file, which may be truncated";
	if (fault)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "the PT_LOAD segment at address 0x%llx %s",
				 (unsigned long long)segment->vaddr, fault);
	*end = segment->vaddr + segment->memory_size;
	return 0;
}

/* Points into the reader's bytes for now; dynamic_section.c moves it to where it lives on. */
static int read_interpreter(struct elf_reader *reader, const struct matr_segment *segment)
{
	const char *bytes;

	if (segment->file_size < 2)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "PT_INTERP is empty");
	bytes = elf_reader_bytes(reader, segment->offset, segment->file_size, "PT_INTERP");
	if (!bytes)
		return -1;
	if (bytes[segment->file_size - 1] != '\0')
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "PT_INTERP does not end with a NUL");
	reader->object->interpreter = bytes;
	return 0;
}

int elf_read_program_headers(struct elf_reader *reader)
{
	struct matr_object *object = reader->object;
	const Elf64_Ehdr *header = &reader->header;
	size_t n = header->e_phnum;
	const unsigned char *table;
	uint64_t end = 0;
	bool loads = false;

	if (n == 0)
		return 0;
	if (header->e_phentsize != sizeof(Elf64_Phdr) ||
	    n * sizeof(Elf64_Phdr) > PROGRAM_HEADERS_MAX)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "has %zu program headers of %u bytes", n, header->e_phentsize);
	table = elf_reader_bytes(reader, header->e_phoff, n * sizeof(Elf64_Phdr),
				 "the program header table");
	if (!table)
		return -1;
	object->segments = elf_reader_allocate(reader, n, sizeof *object->segments);
	if (!object->segments)
		return -1;
	object->n_segments = n;
	for (size_t i = 0; i < n; i++) {
		struct matr_segment *segment = &object->segments[i];
		Elf64_Phdr entry;

		memcpy(&entry, table + i * sizeof entry, sizeof entry);
		*segment = (struct matr_segment){
			.type = entry.p_type,
			.flags = entry.p_flags,
			.offset = entry.p_offset,
			.vaddr = entry.p_vaddr,
			.file_size = entry.p_filesz,
			.memory_size = entry.p_memsz,
			.align = entry.p_align,
		};
		loads |= segment->type == PT_LOAD;
		if (segment->type == PT_LOAD && check_load_segment(reader, segment, &end) != 0)
			return -1;
		if (segment->type == PT_INTERP && !object->interpreter &&
		    read_interpreter(reader, segment) != 0)
			return -1;
	}
	if (!loads)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "has no PT_LOAD segment");
	return 0;
}
