/* program.h - from words to write to the compact program that ld-stable runs. */
#ifndef MATR_RELOCATION_PROGRAM_H
#define MATR_RELOCATION_PROGRAM_H

#include <stdbool.h>

#include "base/buffer.h"

/* The word at (load address of the object + offset) = load address of the provider + value. */
struct word {
	uint64_t offset; /* a multiple of 8 */
	uint64_t value;	 /* modulo 2^64 */
	/* In a plan: a scope index or one of WORD_*. To be encoded: one of MATR_BASE_*. */
	uint32_t provider;
};

#define WORD_OWN      UINT32_C(0xffffffff) /* the object itself */
#define WORD_ABSOLUTE UINT32_C(0xfffffffe) /* load address 0 */

struct words {
	struct word *list;
	size_t n, capacity;
};

int words_add(struct words *words, uint64_t offset, uint64_t value, uint32_t provider,
	      struct matr_error *err);

/* Sort the words and encode them into `image`. No words: *offset = 0. `share`: an equal program
 * that is there is taken, wherever it lies. `scratch` is working space, reused from call to
 * call. */
int relocation_program_encode(struct words *words, bool share, struct buffer *scratch,
			      struct buffer *image, uint64_t *offset, struct matr_error *err);

/* Encode the places of `words`, sorted by offset, into `image` as struct matr_image_shifts. No
 * words: *offset = 0. */
int shifts_encode(const struct words *words, struct buffer *scratch, struct buffer *image,
		  uint64_t *offset, struct matr_error *err);

#endif
