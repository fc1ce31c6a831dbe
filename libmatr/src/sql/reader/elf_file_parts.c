/* elf_file_parts.c - see elf_file_parts.h. */
#include "sql/reader/elf_file_parts.h"

#include "sql/reader/dwarf_file.h"
#include "sql/reader/elf_code.h"
#include "sql/reader/elf_symbols.h"

void elf_file_free_parts(struct elf_file *file)
{
	elf_symbols_free(file->symbols);
	elf_code_free(file->code);
	dwarf_file_free(file->dwarf);
}
