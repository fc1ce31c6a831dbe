/* dynamic_sections.h - sections for files without section headers. */
#ifndef MATR_SQL_DYNAMIC_SECTIONS_H
#define MATR_SQL_DYNAMIC_SECTIONS_H

#include "sql/reader/elf_file.h"

/* Make sections from the program headers and the dynamic section, so that readers find .dynsym
 * and the others as usual. Sets `made_up`. Does nothing if the file has section headers.
 * Errors: RESOURCES; MALFORMED if a table had to be left out, which may be treated as a warning. */
int dynamic_sections_add(struct elf_file *file, struct matr_error *err);

#endif
