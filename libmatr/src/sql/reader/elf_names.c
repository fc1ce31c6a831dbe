/* elf_names.c - numbers of the ELF format and their names. */
#include "sql/reader/elf_names.h"

#include <elf.h>

#include "elf_names.inc"

const char *elf_name(enum names kind, uint64_t number, unsigned machine)
{
	const char *name = name_of_machine(kind, number, machine);
	return name ? name : name_of_kind(kind, number);
}
