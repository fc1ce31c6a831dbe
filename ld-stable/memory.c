/* memory.c - mapping at an exact address, and unmapping. */
#include <linux/mman.h>
#include <linux/resource.h>

#include "ld_stable.h"

#ifndef MAP_FIXED_NOREPLACE /* Linux 4.17 */
#define MAP_FIXED_NOREPLACE 0x100000
#endif

bool memory_is_limited(void)
{
	struct rlimit64 limit;

	/* libc makes this call at every start, for the stack. */
	return system_call(CALL_PRLIMIT, 0, RLIMIT_AS, 0, (long)&limit, 0, 0) == 0 &&
	       limit.rlim_cur != RLIM64_INFINITY;
}

/* Older kernels take the address for a hint: so compare. */
bool memory_map(uint64_t address, uint64_t size, int protection, int flags, long fd,
		uint64_t offset)
{
	long at = system_call(CALL_MMAP, (long)address, (long)size, protection,
			      flags | MAP_FIXED_NOREPLACE, fd, (long)offset);
	if (at == (long)address)
		return true;
	if (!system_call_failed(at))
		memory_unmap((uint64_t)at, size);
	return false;
}

void memory_unmap(uint64_t address, uint64_t size)
{
	system_call(CALL_MUNMAP, (long)address, (long)size, 0, 0, 0, 0);
}
