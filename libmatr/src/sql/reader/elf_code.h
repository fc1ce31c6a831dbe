/* elf_code.h - where to start disassembling. */
#ifndef MATR_SQL_ELF_CODE_H
#define MATR_SQL_ELF_CODE_H

#include "sql/reader/elf_file.h"

struct elf_code {
	struct elf_part part;
	/* Addresses of symbols in executable sections, ascending, each once: a disassembler that is
	 * led astray by data is on the right way again there. In relocatable files, where every
	 * section starts at 0, `sections` tells which one each is in. */
	struct code_start {
		uint32_t section;
		uint64_t address;
	} * starts;
	size_t n;
};

struct elf_code *elf_code_of(struct elf_file *file, struct matr_error *err);

/* Index of the first start behind the address, in this section or a later one; n where there is
 * none. */
size_t elf_code_above(const struct elf_code *code, size_t section, uint64_t address);

#endif
