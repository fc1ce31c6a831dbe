/* program.h - from words to write to the compact program that ld-stable runs. */
#ifndef MATR_RELOCATION_PROGRAM_H
#define MATR_RELOCATION_PROGRAM_H

#include "base/buffer.h"

/* The word at (load address of the object + offset) = load address of the provider + value. */
struct word {
	uint64_t offset;   /* a multiple of 8 */
	uint64_t value;	   /* modulo 2^64 */
	uint32_t provider; /* index into the object's providers */
};

struct words {
	struct word *list;
	size_t n, capacity;
};

int words_add(struct words *words, uint64_t offset, uint64_t value, uint32_t provider,
	      struct matr_error *err);

/* Sort the words and encode them into `image`, sharing an equal program. No words: *offset = 0.
 * `scratch` is working space, reused from call to call. */
int relocation_program_encode(struct words *words, struct buffer *scratch, struct buffer *image,
			      uint64_t *offset, struct matr_error *err);

#endif
