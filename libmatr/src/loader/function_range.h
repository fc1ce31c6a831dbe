/* function_range.h - where the functions of an object are, from its unwind information.
 *
 * Disassembly needs starts that are certain. ld.so has no symbol table, but every function has an
 * entry in .eh_frame with its exact range, found through PT_GNU_EH_FRAME (LSB, "Exception Frames").
 * The one at the ELF header's entry point may have none; its start is certain all the same.
 */
#ifndef MATR_LOADER_FUNCTION_RANGE_H
#define MATR_LOADER_FUNCTION_RANGE_H

#include "loader/elf_image.h"

struct function_range {
	uint64_t start, end; /* addresses */
};

struct function_ranges {
	struct function_range *ranges; /* ascending, not overlapping */
	size_t n;
};

/* Read the ranges. Errors: UNSUPPORTED if there is no such table or in another encoding than
 * linkers write; RESOURCES. */
int function_ranges_read(const struct elf_image *image, struct function_ranges *out,
			 struct matr_error *err);
void function_ranges_free(struct function_ranges *ranges);

/* The function that has the address; NULL if none has. */
const struct function_range *function_range_at(const struct function_ranges *ranges,
					       uint64_t address);

#endif
