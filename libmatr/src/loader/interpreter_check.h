/* interpreter_check.h - checking an interpreter file that has been made. */
#ifndef MATR_LOADER_INTERPRETER_CHECK_H
#define MATR_LOADER_INTERPRETER_CHECK_H

#include "loader/elf_image.h"

/* Check the layout by the file's headers: what kernels demand of an interpreter (docs/loader.md),
 * and that nothing of ld.so's segments has changed except the header, the table and the sites that
 * the file lists. Errors: MALFORMED, with what is wrong. */
int interpreter_check_layout(const struct elf_image *file, const struct elf_image *ld_so,
			     const struct elf_image *ld_stable, uint64_t base,
			     struct matr_error *err);

/* Decode what the replaced sites have become: each jumps to its thunk, which executes the replaced
 * instructions and the system call and jumps back; no other site is left. Errors: MALFORMED, or
 * UNSUPPORTED if it cannot be decoded. */
int interpreter_check_sites(const struct elf_image *file, const struct elf_image *ld_so,
			    const struct elf_image *ld_stable, uint64_t base,
			    struct matr_error *err);

#endif
