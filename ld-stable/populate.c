/* populate.c - the application's pages that the start writes to, mapped with one call.
 *
 * The kernel has mapped the application, and each page that relocation writes to would be a page
 * fault. Where there are many, their range is mapped once more from the same file with
 * MAP_POPULATE, which takes a fraction of that. madvise() would need no file, but ld.so and libc do
 * without at start, and a seccomp filter may kill the process for it. Only the time depends on what
 * is done here.
 */
#include <linux/mman.h>

#include "ld_stable.h"

/* With fewer, opening the file takes longer than the page faults. */
enum { PAGES_LEAST = 16 };

struct pages {
	uint64_t start, end; /* relative to the load address; start == end: none */
};

/* Pages of the run that are the file's as they are. The kernel has cleared what is behind the
 * file's part on its last page. */
static struct pages pages_of(const struct matr_image_written *run, const Elf64_Phdr *segment)
{
	struct pages pages = {run->vaddr, run->vaddr + run->size};
	uint64_t start = page_down(segment->p_vaddr), end = segment->p_vaddr + segment->p_filesz;

	end = segment->p_memsz > segment->p_filesz ? page_down(end) : page_up(end);
	if (segment->p_type != PT_LOAD || (segment->p_flags & (PF_W | PF_X)) != PF_W)
		return (struct pages){0, 0};
	if (pages.start < start)
		pages.start = start;
	if (pages.end > end)
		pages.end = end;
	return pages.start < pages.end ? pages : (struct pages){0, 0};
}

static uint64_t count_pages(const struct program *program, const struct matr_image_program *words)
{
	const struct matr_image_written *run = matr_image_program_written(words);
	uint64_t n = 0;

	for (uint32_t i = 0; i < words->n_written; i++) {
		for (size_t k = 0; k < program->phnum; k++) {
			struct pages pages = pages_of(&run[i], &program->phdr[k]);
			n += (pages.end - pages.start) / MATR_IMAGE_PAGE;
		}
	}
	return n;
}

static bool map_pages(const struct program *program, const Elf64_Phdr *segment,
		      const struct pages *pages, long fd)
{
	uint64_t offset = page_down(segment->p_offset) + pages->start - page_down(segment->p_vaddr);

	return !system_call_failed(system_call(
		CALL_MMAP, (long)(program->base + pages->start), (long)(pages->end - pages->start),
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd, (long)offset));
}

static bool map_all(const struct program *program, const struct matr_image_program *words, long fd)
{
	const struct matr_image_written *run = matr_image_program_written(words);

	for (uint32_t i = 0; i < words->n_written; i++) {
		for (size_t k = 0; k < program->phnum; k++) {
			struct pages pages = pages_of(&run[i], &program->phdr[k]);
			if (pages.end - pages.start > MATR_IMAGE_PAGE &&
			    !map_pages(program, &program->phdr[k], &pages, fd))
				return false;
		}
	}
	return true;
}

/* Test whether the file is on a file system with a device of its own. Others may be a network's,
 * which ask the server at every open. */
static bool is_on_device(const struct matr_image_file *file)
{
	uint64_t device = file->device;

	return ((device >> 8 & 0xfff) | (device >> 32 & ~UINT64_C(0xfff))) !=
	       0; /* the major number */
}

void populate_application(const struct served *served, const struct program *program)
{
	const struct matr_image_program *words = at_place(&served->bases, served->manifest->words);
	struct file_status status;

	/* /proc/self/exe may be about another process: then the file is another. In a portable
	 * image nothing distinguishes it from others of its size. */
	if (!served->manifest->words || program->by_name ||
	    (served->header->flags & MATR_IMAGE_PORTABLE) ||
	    !is_on_device(&served->manifest->file) || count_pages(program, words) < PAGES_LEAST)
		return;
	long fd = file_open("/proc/self/exe");
	if (fd < 0)
		return;
	if (file_status_fd((int)fd, &status) &&
	    file_is_recorded(&status, &served->manifest->file, served->header->flags) &&
	    !map_all(program, words, fd))
		/* Before Linux 6.12 the pages are gone then. */
		start_again(served, "the program's pages cannot be mapped", NULL);
	file_close(fd);
}
