/* dwarf_relocate.h - relocations of the debugging information in object files. */
#ifndef MATR_SQL_DWARF_RELOCATE_H
#define MATR_SQL_DWARF_RELOCATE_H

#include "sql/reader/elf_image.h"

/* Returns true for machines that dwarf_relocate() supports and libdwfl does not. */
bool dwarf_relocates(const struct elf_file *file);

/* Apply the relocations of debug sections to the image, which has the file's section numbers.
 * Addresses become offsets in their sections. Errors: UNSUPPORTED (an unknown type). */
int dwarf_relocate(struct elf_file *file, const struct elf_image *image, struct matr_error *err);

/* Check that libdwfl has applied relocations: it leaves out those of machines that it has no
 * backend for, without an error. `elf` is what it has relocated. Errors: UNSUPPORTED. */
int dwarf_check_relocated(struct elf_file *file, Elf *elf, struct matr_error *err);

#endif
