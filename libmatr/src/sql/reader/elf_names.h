/* elf_names.h - numbers of the ELF format and their names in <elf.h>, without the prefix.
 *
 * The tables are made from the system's <elf.h> when MatR is built (elf_names.awk).
 */
#ifndef MATR_SQL_ELF_NAMES_H
#define MATR_SQL_ELF_NAMES_H

#include <stdint.h>

enum names {
	NAMES_EM,	/* machines */
	NAMES_ET,	/* file types */
	NAMES_EV,	/* versions */
	NAMES_ELFOSABI, /* */
	NAMES_SHT,	/* section types */
	NAMES_PT,	/* segment types */
	NAMES_DT,	/* dynamic tags */
	NAMES_STT,	/* symbol types */
	NAMES_STB,	/* symbol bindings */
	NAMES_STV,	/* symbol visibilities */
	NAMES_SHN,	/* special section indices */
	NAMES_R,	/* relocation types */
};

/* The name of a number; NULL where it has none. */
const char *elf_name(enum names kind, uint64_t number, unsigned machine);

#endif
