/* dynamic_sections.h - what a file without section headers has for the dynamic linker. */
#ifndef MATR_SQL_DYNAMIC_SECTIONS_H
#define MATR_SQL_DYNAMIC_SECTIONS_H

#include "sql/reader/elf_file.h"

/* Give a file that has no section headers the sections that its program headers and its dynamic section lead to, so
 * that readers find .dynsym and the others where they look for them. `made_up` is set then. Nothing is done where
 * the file has section headers.
 * Errors: MEMORY; MALFORMED where a table is left out, which the caller may take for a warning. */
int dynamic_sections_add(struct elf_file *file, struct matr_error *err);

#endif
