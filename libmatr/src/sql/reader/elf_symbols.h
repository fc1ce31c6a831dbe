/* elf_symbols.h - the symbols of a file as the table elf_symbols has them: all of the dynamic
 * symbol table, then those of the static one whose name is not among them. */
#ifndef MATR_SQL_ELF_SYMBOLS_H
#define MATR_SQL_ELF_SYMBOLS_H

#include "sql/reader/elf_file.h"

struct elf_symbols {
	struct elf_part part;
	struct symbol_table {
		size_t section; /* 0: there is none */
		size_t strings; /* section of the names */
		Elf_Data *data;
		Elf_Data *indices; /* SHT_SYMTAB_SHNDX; NULL: none */
		size_t n;
	} dynamic, fixed;
	uint32_t *chosen; /* of the static ones: their indices */
	size_t n;	  /* rows: dynamic.n and the chosen */

	Elf_Data *versions;	    /* .gnu.version; NULL: none */
	const char **version_names; /* by index */
	size_t n_version_names;

	struct symbol_index { /* by name: slots of the first row of each name, then chains */
		uint32_t *slots, *next;
		size_t n_slots;
	} names;
	uint32_t *by_value; /* rows in order of value, as signed numbers */
};

struct elf_symbol {
	const char *name;
	GElf_Sym symbol;
	size_t section; /* SHN_* included */
	size_t index;	/* in its symbol table */
	bool dynamic;
};

/* Read them once per file. NULL with an error. */
struct elf_symbols *elf_symbols_of(struct elf_file *file, struct matr_error *err);

void elf_symbol_get(const struct elf_file *file, size_t row, struct elf_symbol *out);

/* The first row of that name, and the row of the same name after one; UINT32_MAX: none. 0 or -1. */
int elf_symbols_find(struct elf_file *file, const char *name, uint32_t *row,
		     struct matr_error *err);
uint32_t elf_symbols_next(const struct elf_file *file, uint32_t row);

/* Sort by_value. 0 or -1. */
int elf_symbols_sort(struct elf_file *file, struct matr_error *err);

uint64_t elf_symbol_hash(const char *name);
/* Test whether other objects have to define the symbol. */
bool elf_symbol_is_imported(const struct elf_symbol *symbol);
/* Test whether other objects can use the symbol. */
bool elf_symbol_is_exported(const struct elf_symbol *symbol);

/* "" never: the name of a symbol's section or special index; NULL where it has none. */
const char *elf_symbol_section(const struct elf_file *file, const struct elf_symbol *symbol);
/* NULL: none. */
const char *elf_symbol_version(const struct elf_file *file, const struct elf_symbol *symbol);

#endif
