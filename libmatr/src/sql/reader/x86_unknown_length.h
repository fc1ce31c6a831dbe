/* x86_unknown_length.h - the length of an instruction that capstone cannot decode. */
#ifndef MATR_SQL_X86_UNKNOWN_LENGTH_H
#define MATR_SQL_X86_UNKNOWN_LENGTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of vector instructions (VEX, EVEX) and of newer ones in the opcode maps 0F 01, 0F 1E, 0F AE,
 * 0F 38 and 0F 3A. 0: it is none of these, or is cut off. wide: in 64-bit mode. */
size_t x86_unknown_length(const uint8_t *bytes, size_t size, bool wide);

#endif
