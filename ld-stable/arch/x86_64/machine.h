/* machine.h - what differs per architecture: system calls, cpuid, and the names of a few
 * constants. */
#ifndef LD_STABLE_MACHINE_H
#define LD_STABLE_MACHINE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_ELF	    EM_X86_64
#define MACHINE_RETURN	    0xc3 /* the one-byte return instruction */
/* End of a stack that is not randomised: TASK_SIZE_MAX, with 47 address bits and a page less. */
#define MACHINE_STACK_TOP   UINT64_C(0x7ffffffff000)
#define MACHINE_LAZY_SLOT   2 /* word of DT_PLTGOT's table that ld.so sets for lazy binding */
#define R_MACHINE_NONE	    R_X86_64_NONE
#define R_MACHINE_JUMP_SLOT R_X86_64_JUMP_SLOT

enum { /* system call numbers, Linux x86-64 */
       CALL_READ = 0,
       CALL_WRITE = 1,
       CALL_CLOSE = 3,
       CALL_FSTAT = 5,
       CALL_MMAP = 9,
       CALL_MPROTECT = 10,
       CALL_MUNMAP = 11,
       CALL_PREAD = 17,
       CALL_PWRITE = 18,
       CALL_ACCESS = 21,
       CALL_EXECVE = 59,
       CALL_SET_TID_ADDRESS = 218,
       CALL_EXIT_GROUP = 231,
       CALL_OPENAT = 257,
       CALL_NEWFSTATAT = 262,
       CALL_READLINKAT = 267,
       CALL_PRLIMIT = 302,
       CALL_GETRANDOM = 318,
};

/* The result is negative, -errno, on failure. */
static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline bool system_call_failed(long result)
{
	return (unsigned long)result > -4096UL;
}

static inline void memory_copy(void *to, const void *from, size_t size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

/* Write to the page and leave it as it is: a page that is read first and written later is two page
 * faults. */
static inline void machine_touch(void *at)
{
	__asm__ volatile("orb $0, %0" : "+m"(*(unsigned char *)at));
}

struct machine_cpuid {
	uint32_t a, b, c, d;
};

static inline struct machine_cpuid machine_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct machine_cpuid r;
	__asm__("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
	return r;
}

/* The low half of XCR0; 0 unless the instruction can be executed (leaf 1: OSXSAVE). */
static inline uint32_t machine_xcr0(const struct machine_cpuid *leaf1)
{
	uint32_t low = 0, high = 0;

	if (leaf1->c & 1 << 27)
		__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

#endif
