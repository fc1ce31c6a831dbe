/* disassembler.h - decoding the instructions of this machine, by capstone.
 *
 * capstone is loaded when the first disassembler is opened, and only then: programs that link
 * libmatr to start other programs never need it. Without it ld.so's sites cannot be found.
 */
#ifndef MATR_LOADER_DISASSEMBLER_H
#define MATR_LOADER_DISASSEMBLER_H

#include <stddef.h>

#include "loader/instruction.h"

#include <matr/error.h>

struct disassembler;

/* Errors: UNSUPPORTED if capstone is not there; RESOURCES. *out: disassembler_close(). */
int disassembler_open(struct disassembler **out, struct matr_error *err);
void disassembler_close(struct disassembler *disassembler);

/* Decode the instruction at `bytes`, which is loaded at `address`. False if it is none that is
 * known, or is cut off. */
bool disassembler_decode(struct disassembler *disassembler, const unsigned char *bytes, size_t size,
			 uint64_t address, struct instruction *out);

#endif
