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
	uint64_t offset;     /* of `start` in the file */
};

static size_t count_pieces(const struct program *program, const struct matr_image_program *words)
{
	return words->n_written * program->phnum;
}

/* Get a piece of what is written: one run's part in one segment. Only pages that are the file's as
 * they are: the kernel has cleared what is behind the file's part on its last page. */
static struct pages get_piece(const struct program *program, const struct matr_image_program *words,
			      size_t i)
{
	const struct matr_image_written *run =
		&matr_image_program_written(words)[i / program->phnum];
	const Elf64_Phdr *segment = &program->phdr[i % program->phnum];
	struct pages pages = {run->vaddr, run->vaddr + run->size, 0};
	uint64_t start = page_down(segment->p_vaddr), end = segment->p_vaddr + segment->p_filesz;

	end = segment->p_memsz > segment->p_filesz ? page_down(end) : page_up(end);
	if (pages.start < start)
		pages.start = start;
	if (pages.end > end)
		pages.end = end;
	if (segment->p_type != PT_LOAD || (segment->p_flags & (PF_W | PF_X)) != PF_W ||
	    pages.start >= pages.end)
		return (struct pages){0, 0, 0};
	pages.offset = page_down(segment->p_offset) + pages.start - start;
	return pages;
}

static uint64_t count_pages(const struct program *program, const struct matr_image_program *words)
{
	uint64_t n = 0;

	for (size_t i = 0; i < count_pieces(program, words); i++) {
		struct pages pages = get_piece(program, words, i);
		n += (pages.end - pages.start) / MATR_IMAGE_PAGE;
	}
	return n;
}

static bool map_pieces(const struct program *program, const struct matr_image_program *words,
		       long fd)
{
	for (size_t i = 0; i < count_pieces(program, words); i++) {
		struct pages pages = get_piece(program, words, i);
		uint64_t size = pages.end - pages.start;
		if (size > MATR_IMAGE_PAGE &&
		    system_call_failed(system_call(CALL_MMAP, (long)(program->base + pages.start),
						   (long)size, PROT_READ | PROT_WRITE,
						   MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd,
						   (long)pages.offset)))
			return false;
	}
	return true;
}

/* The dynamic section is read before relocation writes to its page. */
static void touch_dynamic(const struct program *program, const struct matr_image_program *words)
{
	uint64_t at = (uint64_t)program->dynamic - program->base;

	for (size_t i = 0; i < count_pieces(program, words); i++) {
		struct pages pages = get_piece(program, words, i);
		if (at >= pages.start && at < pages.end)
			machine_touch((void *)program->dynamic);
	}
}

/* Test whether the file is on a file system with a device of its own. Others may be a network's,
 * which ask the server at every open. */
static bool is_on_device(const struct matr_image_file *file)
{
	uint64_t device = file->device;

	uint64_t major = (device >> 8 & 0xfff) | (device >> 32 & ~UINT64_C(0xfff));

	return major != 0;
}

/* Test whether the program's file is to be mapped once more. /proc/self/exe may be about another
 * process: then the file is another. In a portable image nothing distinguishes it from others of
 * its size. */
static bool is_worth_mapping(const struct served *served, const struct program *program,
			     const struct matr_image_program *words)
{
	return !program->by_name && !(served->header->flags & MATR_IMAGE_PORTABLE) &&
	       is_on_device(&served->manifest->file) && count_pages(program, words) >= PAGES_LEAST;
}

void populate_application(const struct served *served, const struct program *program)
{
	const struct matr_image_program *words = at_place(&served->bases, served->manifest->words);
	struct file_status status;
	long fd = -1;

	if (!served->manifest->words)
		return;
	if (is_worth_mapping(served, program, words))
		fd = file_open("/proc/self/exe");
	if (fd < 0) {
		touch_dynamic(program, words);
		return;
	}
	if (file_status_fd((int)fd, &status) &&
	    file_is_recorded(&status, &served->manifest->file, served->header->flags) &&
	    !map_pieces(program, words, fd))
		/* Before Linux 6.12 the pages are gone then. */
		start_again(served, "the program's pages cannot be mapped", NULL);
	file_close(fd);
}
