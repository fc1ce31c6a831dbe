/* dwarf_separate.h - debugging information in a file of its own. */
#ifndef MATR_SQL_DWARF_SEPARATE_H
#define MATR_SQL_DWARF_SEPARATE_H

#include "sql/reader/elf_file.h"

/* The file with the debugging information of one that has none: 1, 0 where there is none, or
 * -1. *out: elf_file_free(). */
int dwarf_separate_open(struct elf_file *file, struct elf_file **out, struct matr_error *err);

/* Open the supplementary file, into which dwz moves what several files have in common.
 * Returns 1, 0 if the file refers to none, or -1. *out: elf_file_free().
 * Errors: NOT_FOUND, MALFORMED, RESOURCES. */
int dwarf_alternate_open(struct elf_file *file, struct elf_file **out, struct matr_error *err);

/* Test whether the file has DWARF of its own. */
bool dwarf_is_in(const struct elf_file *file);

#endif
