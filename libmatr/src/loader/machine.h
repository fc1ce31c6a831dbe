/* machine.h - what the interpreter file needs to know of an architecture.
 *
 * One file per architecture implements it (x86_64_machine.c). docs/aarch64.md lists what another
 * one needs besides.
 */
#ifndef MATR_LOADER_MACHINE_H
#define MATR_LOADER_MACHINE_H

#include <stddef.h>

#include "loader/instruction.h"

struct cs_insn;

/* Sizes are bytes. */
struct machine {
	int capstone_arch, capstone_mode; /* for cs_open() */
	unsigned char call[4];		  /* the system call instruction */
	size_t call_size;
	size_t jump_size;	  /* of what machine_write_jump() writes */
	size_t short_jump_reach;  /* how far jumps go whose distance has less than 32 bits */
	unsigned number_register; /* the general register with the number of the system call */
};
extern const struct machine machine;

/* Fill in what the instruction does. `written`: the registers, in capstone's numbers. */
void machine_describe(const struct cs_insn *from, const uint16_t *written, size_t n_written,
		      struct instruction *out);

/* Test whether the bytes, as an instruction at `address`, would lead to a place at a distance of 32
 * bits. Such instructions are branches, calls, and computations of an address. */
bool machine_long_reference(const unsigned char *bytes, size_t size, uint64_t address,
			    uint64_t *target);

/* Kind of a system call for the served start: MATR_SITE_NONE if it does not matter,
 * MACHINE_CALL_UNEXPECTED if an ld.so that makes it handles files in an unknown way. */
enum { MACHINE_CALL_UNEXPECTED = -1 };
int machine_call_kind(uint64_t number);

/* Write a jump that is at `from` and leads to `to`, and fill the rest of `size` bytes with traps.
 * False if the distance is too large. */
bool machine_write_jump(unsigned char *at, size_t size, uint64_t from, uint64_t to);

/* Fill with instructions that do nothing. */
void machine_write_padding(unsigned char *at, size_t size);

#endif
