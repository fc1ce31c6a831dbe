/* sites.h - the system calls of ld.so that pass through ld-stable.
 *
 * In the interpreter file (matr/loader_format.h) each site in ld.so is a jump to a thunk. The thunk
 * executes the replaced instructions. While sites_armed is 0 it makes the real call, with no other
 * effect: no register but those that the kernel overwrites, no memory, no stack. While it is 1 it
 * calls site_call() and makes the real call only if that returns SITE_REAL_CALL.
 *
 * Around site_call():
 *
 * - The stack pointer has been moved over the caller's red zone and aligned. The stack is ld.so's:
 *   early in a start it has the size that the kernel gave, later it may be a small thread's stack.
 * - All of ld.so's general registers are restored afterwards except rax, rcx and r11, as after a
 *   system call. rax is what site_call() returned, or what the real call did.
 * - Vector and floating-point registers are ld.so's and live. ld-stable is compiled without them
 *   (-mgeneral-regs-only). To call a foreign function, an IFUNC resolver for example, go
 *   through with_vectors_saved().
 * - Real system calls that ld-stable makes by itself (system_call()) do not come back here.
 * - errno is not involved: results are the kernel's, -errno for a failure.
 * - sites_armed may be changed at any time, by site_call() too. It is one byte for all threads.
 *   ld.so holds dl_load_lock at its file calls, so there is one caller at a time for these; calls
 *   of other kinds (munmap and mprotect of thread stacks, close) need not hold it.
 */
#ifndef LD_STABLE_SITES_H
#define LD_STABLE_SITES_H

#include <stdint.h>

#include <matr/loader_format.h>

#include "machine.h"

#pragma GCC visibility push(hidden)

#define SITE_REAL_CALL INT64_MIN /* no system call returns this */

/* One call, as ld.so makes it. */
struct site_call {
	long number;
	long arguments[6];
	long site; /* index into ld_so_sites.sites */
};

/* Make the call as ld.so means it. Returns its result, -errno for a failure. */
static inline long site_real_call(const struct site_call *call)
{
	const long *a = call->arguments;

	return system_call(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The handler (dispatch.c). Returns what ld.so's call is to return, or SITE_REAL_CALL. To make
 * another call than ld.so's, use system_call() and return its result. */
long site_call(const struct site_call *call);

/* 0 until the handler is to be asked. In ld-stable's data, writable for the life of the process. */
extern volatile unsigned char sites_armed;

/* The sites that libmatr replaced. n_sites is 0 if it replaced none, and then nothing can be
 * served. */
extern const struct matr_sites ld_so_sites;

/* Call the function with the vector registers preserved (xmm0 to xmm15). */
void with_vectors_saved(void (*function)(void *), void *argument);

#pragma GCC visibility pop

#endif
