/* elf_relocation.h - one relocation entry, whatever the machine packs into r_info. */
#ifndef MATR_SQL_ELF_RELOCATION_H
#define MATR_SQL_ELF_RELOCATION_H

#include "sql/reader/elf_file.h"

enum { RELOCATION_TYPES = 3 };

struct elf_relocation {
	uint64_t offset;
	uint32_t symbol; /* index in the symbol table; 0: none */
	/* The first type, and on 64-bit MIPS up to two more that are applied to its result. */
	uint32_t types[RELOCATION_TYPES];
	unsigned n_types;
	int64_t addend; /* 0 where the entry has none */
	/* SPARC's OLO10 has a second addend, for the value without its upper bits. */
	bool has_second_addend;
	int32_t second_addend;
};

/* Decode an entry as libelf gives it: r_info is a number in our byte order. */
struct elf_relocation elf_relocation_decode(const struct elf_file *file, const GElf_Rela *entry);

#endif
