/* elf_file_parts.c - see elf_file_parts.h. */
#include "elf_file_parts.h"

void elf_file_free_parts(struct elf_file *file)
{
	(void)file;
}
