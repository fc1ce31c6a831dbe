/* elf_code.c - where to start disassembling. */
#include "sql/reader/elf_code.h"

#include <stdlib.h>

#include "sql/reader/elf_symbols.h"

static int compare(const void *a, const void *b)
{
	const struct code_start *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Test whether the symbol is the start of code. Mapping symbols of AArch64 mark data among code,
 * and code again. */
static bool is_start(const struct elf_file *file, const struct elf_symbol *symbol)
{
	unsigned type = GELF_ST_TYPE(symbol->symbol.st_info);

	if (symbol->section == SHN_UNDEF || symbol->section >= file->n_sections)
		return false;
	const GElf_Shdr *header = &file->sections[symbol->section].header;
	return header->sh_flags & SHF_EXECINSTR &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) &&
	       symbol->symbol.st_value >= header->sh_addr &&
	       symbol->symbol.st_value - header->sh_addr < header->sh_size;
}

static void free_code(struct elf_part *part)
{
	struct elf_code *code = (struct elf_code *)part;

	free(code->starts);
	free(code);
}

struct elf_code *elf_code_of(struct elf_file *file, struct matr_error *err)
{
	struct elf_symbol symbol;

	if (file->code)
		return file->code;
	struct elf_symbols *symbols = elf_symbols_of(file, err);
	if (!symbols)
		return NULL;
	struct elf_code *code = calloc(1, sizeof *code);
	struct code_start *starts = malloc((symbols->n + 1) * sizeof *starts);
	if (!code || !starts) {
		free(code);
		free(starts);
		matr_fail_memory(err);
		return NULL;
	}
	size_t n = 0;
	for (size_t i = 0; i < symbols->n; i++) {
		elf_symbol_get(file, i, &symbol);
		if (is_start(file, &symbol))
			starts[n++] = (struct code_start){(uint32_t)symbol.section,
							  symbol.symbol.st_value};
	}
	qsort(starts, n, sizeof *starts, compare);
	for (size_t i = 0; i < n; i++)
		if (code->n == 0 || compare(&starts[code->n - 1], &starts[i]) != 0)
			starts[code->n++] = starts[i];
	code->starts = starts;
	file->code = code;
	elf_file_keep(file, &code->part, free_code);
	return code;
}

size_t elf_code_above(const struct elf_code *code, size_t section, uint64_t address)
{
	size_t low = 0, high = code->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct code_start *start = &code->starts[middle];
		if (start->section < section ||
		    (start->section == section && start->address <= address))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
