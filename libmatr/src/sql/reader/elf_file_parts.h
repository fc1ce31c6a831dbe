/* elf_file_parts.h - what tables keep of an open file, each in a file of its own. */
#ifndef MATR_SQL_ELF_FILE_PARTS_H
#define MATR_SQL_ELF_FILE_PARTS_H

#include "sql/reader/elf_file.h"

void elf_file_free_parts(struct elf_file *file);

#endif
