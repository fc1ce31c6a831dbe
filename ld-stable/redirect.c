/* redirect.c - making one function of the real ld.so jump elsewhere.
 *
 * ld.so calls `_dl_debug_state` whenever the list of objects is about to change and when it has changed. The
 * function is empty: it is there for debuggers to stop at. So its place can hold a jump. Functions start at
 * multiples of 16, which leaves padding for it behind the one return instruction.
 *
 * The page is never without PROT_EXEC: ld.so runs from it. So the one call that may be refused (SELinux's execmem,
 * systemd's MemoryDenyWriteExecute=) is the first, when nothing has changed yet.
 */
#include <linux/mman.h>

#include "ld_stable.h"

enum { RETURN = 0xc3, JUMP = 0xe9, JUMP_SIZE = 5, ALIGNMENT = 16 };

static const unsigned char landing[] = {0xf3, 0x0f, 0x1e, 0xfa}; /* endbr64 */

/* Assemblers and linkers pad with long forms of nop, with nop, int3 or zeros. */
static bool is_padding(unsigned char byte)
{
	return byte == 0x66 || byte == 0x0f || byte == 0x2e || byte == 0x90 || byte == 0xcc ||
	       byte == 0;
}

bool redirect(unsigned char *function, const void *target)
{
	unsigned char *place = function;

	if ((uint64_t)function % ALIGNMENT)
		return false;
	if (bytes_equal(place, landing, sizeof landing))
		place += sizeof landing;
	/* Anything else is no empty function, or somebody's breakpoint. */
	if (*place != RETURN || !is_padding(place[1]))
		return false;
	int64_t distance = (int64_t)((uint64_t)target - ((uint64_t)place + JUMP_SIZE));
	int32_t relative = (int32_t)distance;
	if (distance != relative)
		return false;
	long page = (long)page_down((uint64_t)place);
	if (system_call(CALL_MPROTECT, page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, 0, 0, 0) !=
	    0)
		return false;
	*place = JUMP;
	bytes_copy(place + 1, &relative, sizeof relative);
	system_call(CALL_MPROTECT, page, 4096, PROT_READ | PROT_EXEC, 0, 0, 0);
	return true;
}
