/* call_sites.h - the system calls in ld.so that can be made to pass through ld-stable.
 *
 * A site is a system call and as many instructions around it as a jump needs. It is found and
 * proved by disassembly, never by version or by pattern:
 *
 * - every system call instruction lies in a function whose range is known and which decodes from
 *   its first to its last byte; its number is a constant on the way to it;
 * - the replaced instructions do the same at another address, and leave the stack pointer alone;
 * - nothing leads into the middle of them: no branch of the function or of its neighbours, no jump
 *   table entry, no 32-bit distance at any offset of the code, no pointer in the data;
 * - flags set before the system call are not read after it (the thunk changes them).
 *
 * The red zone needs no proof: thunks do not write there (ld-stable/arch/ARCH/sites.S).
 */
#ifndef MATR_LOADER_CALL_SITES_H
#define MATR_LOADER_CALL_SITES_H

#include <matr/loader_format.h>

#include "loader/elf_image.h"

/* Room in a thunk, bytes. */
struct call_site_room {
	size_t before, after;
};

struct call_sites {
	struct matr_site sites[MATR_SITES_MAX]; /* ascending */
	size_t n;
};

/* Find all sites of the kinds in enum matr_site_kind. Fails with UNSUPPORTED, and a message that
 * names the address, if one cannot be proved, if a kind that the served start needs is missing, or
 * if ld.so makes a file call of an unknown kind. */
int call_sites_find(const struct elf_image *ld_so, const struct call_site_room *room,
		    struct call_sites *out, struct matr_error *err);

/* Fail with UNSUPPORTED if ld.so's code has a system call of one of these kinds. */
int call_sites_check_none(const struct elf_image *ld_so, struct matr_error *err);

#endif
