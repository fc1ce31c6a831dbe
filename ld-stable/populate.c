/* populate.c - getting the pages that will be written into memory, cheaper than by a fault each.
 *
 * A page of a private file mapping that is written costs a fault, a fresh page and a copy; for a large C++ program
 * that is most of the time relocation takes. One MADV_POPULATE_WRITE for the range saves the faults. Ranges of
 * megabytes (libLLVM has eight) are better still moved to huge pages: the same bytes in anonymous memory in the
 * place of the file's. What this changes is that /proc/PID/maps shows no file for them. Nothing here is needed for
 * correctness, and any failure leaves the range as it was.
 */
#include <linux/mman.h>

#include "ld_stable.h"

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

enum {
	HUGE_PAGE = 2 << 20,
	HUGE_WORTHWHILE = 2 << 20, /* ranges from this size on are moved */
	/* A last huge page is only begun for so much; the rest of it would be lost. */
	HUGE_LAST = 1 << 20,
};

static bool advise(uint64_t start, uint64_t size, int advice)
{
	return system_call(CALL_MADVISE, (long)start, (long)size, advice, 0, 0, 0) == 0;
}

static void unmap(uint64_t start, uint64_t end)
{
	if (start < end)
		system_call(CALL_MUNMAP, (long)start, (long)(end - start), 0, 0, 0, 0);
}

/* Move [start, start + size) to huge pages. */
static bool move_to_huge(uint64_t start, uint64_t size)
{
	uint64_t room = size + 2 * (uint64_t)HUGE_PAGE;
	long at = system_call(CALL_MMAP, 0, (long)room, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (system_call_failed(at))
		return false;
	uint64_t area = (uint64_t)at;
	uint64_t end = area + room;
	uint64_t copy = (area + HUGE_PAGE - 1) & ~(uint64_t)(HUGE_PAGE - 1);
	uint64_t huge = size & ~(uint64_t)(HUGE_PAGE - 1);

	if (size - huge >= HUGE_LAST)
		huge += HUGE_PAGE;
	if (!advise(copy, huge, MADV_HUGEPAGE) || !advise(copy, size, MADV_POPULATE_WRITE) ||
	    !advise(start, size, MADV_POPULATE_READ)) {
		unmap(area, end);
		return false;
	}
	words_copy((uint64_t *)copy, (const uint64_t *)start, size / sizeof(uint64_t));
	long moved = system_call(CALL_MREMAP, (long)copy, (long)size, (long)size,
				 MREMAP_MAYMOVE | MREMAP_FIXED, (long)start, 0);
	if (system_call_failed(moved)) {
		unmap(area, end);
		return false;
	}
	unmap(area, copy);
	unmap(copy + size, end);
	return true;
}

void populate(uint64_t start, uint64_t size)
{
	if (size < HUGE_WORTHWHILE || !move_to_huge(start, size))
		advise(start, size,
		       MADV_POPULATE_WRITE); /* where the kernel cannot: page by page */
}
