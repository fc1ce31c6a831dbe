/* code.h - the machine code of an object, one function at a time, and what leads where in it. */
#ifndef MATR_LOADER_CODE_H
#define MATR_LOADER_CODE_H

#include "loader/disassembler.h"
#include "loader/function_range.h"

struct code {
	const struct elf_image *image;
	struct function_ranges functions;
	struct disassembler *disassembler;
	uint64_t end;	       /* of the executable segments */
	unsigned char *marked; /* one bit per address below `end`: something may lead there */
};

/* One function, decoded from its first to its last byte. */
struct code_function {
	const struct function_range *range;
	struct instruction *instructions;
	size_t n;
};

/* Mark what any bytes of the code, at whatever offset, would lead to if they were a branch or an
 * address computation with a 32-bit distance, and every address that is an aligned word of the
 * data. That is more than there are branches and pointers, and none of them is missed, however the
 * code is decoded. *out: code_close(), also after an error. */
int code_open(struct code *code, const struct elf_image *image, struct matr_error *err);
void code_close(struct code *code);

/* Decode a function, and mark what its branches and jump tables lead to. Fails with UNSUPPORTED if
 * it does not decode, or if one of its branches leads between two of its instructions. */
int code_function_read(struct code *code, const struct function_range *range,
		       struct code_function *out, struct matr_error *err);
void code_function_free(struct code_function *function);

/* Decode every function that has an address from start to end, and mark what its branches lead to.
 * Before and between those functions there may only be padding. */
int code_mark_range(struct code *code, uint64_t start, uint64_t end, struct matr_error *err);

bool code_is_marked(const struct code *code, uint64_t address);

#endif
