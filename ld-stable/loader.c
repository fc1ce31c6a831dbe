/* loader.c - mapping an ELF file the way the kernel maps an interpreter.
 *
 * Used for the real ld.so, and for the program itself where ld-stable was started as
 * `ld-stable PROGRAM`.
 */
#include <linux/errno.h>
#include <linux/mman.h>

#include "ld_stable.h"

static int protection(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

/* The part of a segment beyond the file: the rest of the last file page is zeroed to its end, not
 * only to p_memsz (ld.so's minimal malloc counts on that), and further pages are anonymous. */
static bool map_bss(uint64_t base, const Elf64_Phdr *segment)
{
	uint64_t file_end = base + segment->p_vaddr + segment->p_filesz;
	uint64_t memory_end = page_up(base + segment->p_vaddr + segment->p_memsz);
	uint64_t page_end = page_up(file_end);

	if (segment->p_flags & PF_W) {
		for (char *at = (char *)file_end; at < (char *)page_end; at++)
			*(volatile char *)at = 0;
	}
	if (memory_end <= page_end)
		return true;
	long at = system_call(CALL_MMAP, (long)page_end, (long)(memory_end - page_end),
			      protection(segment->p_flags), MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS,
			      -1, 0);
	return !system_call_failed(at);
}

static bool map_segment(long fd, uint64_t base, const Elf64_Phdr *segment)
{
	uint64_t skew = segment->p_vaddr & 4095;
	if (segment->p_filesz) {
		long at =
			system_call(CALL_MMAP, (long)(base + segment->p_vaddr - skew),
				    (long)(segment->p_filesz + skew), protection(segment->p_flags),
				    MAP_PRIVATE | MAP_FIXED, fd, (long)(segment->p_offset - skew));
		if (system_call_failed(at))
			return false;
	}
	return segment->p_memsz == segment->p_filesz || map_bss(base, segment);
}

/* Find the address range of the PT_LOAD segments. Returns false if they are malformed. */
static bool load_range(const Elf64_Phdr *phdr, size_t phnum, uint64_t *low, uint64_t *high)
{
	*low = UINT64_MAX;
	*high = 0;
	for (size_t i = 0; i < phnum; i++) {
		if (phdr[i].p_type != PT_LOAD)
			continue;
		uint64_t start = page_down(phdr[i].p_vaddr);
		uint64_t end = page_up(phdr[i].p_vaddr + phdr[i].p_memsz);
		if (phdr[i].p_filesz > phdr[i].p_memsz || end < start || start < *high ||
		    ((phdr[i].p_vaddr ^ phdr[i].p_offset) & 4095))
			return false;
		if (start < *low)
			*low = start;
		*high = end;
	}
	return *low < *high;
}

static const Elf64_Phdr *first_load(const Elf64_Phdr *phdr)
{
	while (phdr->p_type != PT_LOAD)
		phdr++;
	return phdr;
}

enum { MAX_HEADERS = 32 };

/* The ELF header and the program headers. */
static bool read_headers(long fd, Elf64_Ehdr *ehdr, Elf64_Phdr phdr[MAX_HEADERS])
{
	long size = system_call(CALL_PREAD, fd, (long)ehdr, sizeof *ehdr, 0, 0, 0);

	if (size != (long)sizeof *ehdr || !bytes_equal(ehdr->e_ident, ELFMAG, SELFMAG) ||
	    ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_machine != MACHINE_ELF ||
	    (ehdr->e_type != ET_DYN && ehdr->e_type != ET_EXEC) ||
	    ehdr->e_phentsize != sizeof *phdr || ehdr->e_phnum > MAX_HEADERS)
		return false;
	size = (long)(ehdr->e_phnum * sizeof *phdr);
	return system_call(CALL_PREAD, fd, (long)phdr, size, (long)ehdr->e_phoff, 0, 0) == size;
}

static const char *map_from(long fd, struct elf_file *out)
{
	Elf64_Ehdr header;
	const Elf64_Ehdr *ehdr = &header;
	Elf64_Phdr phdr[MAX_HEADERS];

	if (!read_headers(fd, &header, phdr))
		return "not an ELF file for this machine";

	uint64_t low, high;
	if (!load_range(phdr, ehdr->e_phnum, &low, &high))
		return "its segments make no sense";

	/* The first segment's mapping takes the whole range, so that the segments cannot fall
	 * apart. */
	const Elf64_Phdr *first = first_load(phdr);
	bool fixed = ehdr->e_type == ET_EXEC;
	long at = (long)low;
	if (!fixed)
		at = system_call(CALL_MMAP, 0, (long)(high - low), protection(first->p_flags),
				 MAP_PRIVATE, fd, (long)page_down(first->p_offset));
	else if (!memory_map(low, high - low, protection(first->p_flags), MAP_PRIVATE, fd,
			     page_down(first->p_offset)))
		at = -ENOMEM;
	if (system_call_failed(at))
		return "no room for its segments";

	*out = (struct elf_file){
		.base = (uint64_t)at - low,
		.phnum = ehdr->e_phnum,
		.start = (uint64_t)at,
		.size = high - low,
	};
	out->entry = out->base + ehdr->e_entry;
	for (size_t i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type != PT_LOAD)
			continue;
		bool mapped = &phdr[i] == first && first->p_memsz == first->p_filesz;
		if (!mapped && !map_segment(fd, out->base, &phdr[i])) {
			memory_unmap((uint64_t)at, high - low);
			return "its segments cannot be mapped";
		}
		if (ehdr->e_phoff >= phdr[i].p_offset &&
		    ehdr->e_phoff - phdr[i].p_offset < phdr[i].p_filesz)
			out->phdr = out->base + phdr[i].p_vaddr + ehdr->e_phoff - phdr[i].p_offset;
	}
	return NULL;
}

const char *elf_file_map(const char *path, struct elf_file *out)
{
	long fd = file_open(path);
	if (fd < 0)
		return "cannot be opened";
	const char *reason = map_from(fd, out);
	if (!reason && !file_status_fd((int)fd, &out->status))
		reason = "its status cannot be read";
	file_close(fd);
	return reason;
}
