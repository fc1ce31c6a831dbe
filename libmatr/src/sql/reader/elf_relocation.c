/* elf_relocation.c - r_info: a symbol and a type, with exceptions for two machines. */
#include "sql/reader/elf_relocation.h"

/* 64-bit MIPS: a symbol of four bytes, then a special symbol and three types of one byte each.
 * The order of these fields is the same in files of either byte order, while libelf swaps all
 * eight bytes as one number (64-bit ELF Object File Specification, "Relocation"). */
static void decode_mips(const struct elf_file *file, uint64_t info, struct elf_relocation *out)
{
	bool big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;

	out->symbol = (uint32_t)(big ? info >> 32 : info);
	for (unsigned i = 0; i < RELOCATION_TYPES; i++)
		out->types[i] = info >> (big ? 8 * i : 56 - 8 * i) & 0xff;
	out->n_types = RELOCATION_TYPES;
	while (out->n_types > 1 && out->types[out->n_types - 1] == R_MIPS_NONE)
		out->n_types--;
}

/* SPARC V9: the upper 24 bits of the type are a signed number. */
static void decode_sparc(uint64_t info, struct elf_relocation *out)
{
	out->types[0] = info & 0xff;
	out->has_second_addend = out->types[0] == R_SPARC_OLO10;
	if (out->has_second_addend)
		out->second_addend = (int32_t)((uint32_t)info & 0xffffff00) >> 8;
}

struct elf_relocation elf_relocation_decode(const struct elf_file *file, const GElf_Rela *entry)
{
	struct elf_relocation out = {
		.offset = entry->r_offset,
		.symbol = (uint32_t)GELF_R_SYM(entry->r_info),
		.types = {(uint32_t)GELF_R_TYPE(entry->r_info)},
		.n_types = 1,
		.addend = entry->r_addend,
	};
	unsigned machine = file->header.e_machine;

	if (file->header.e_ident[EI_CLASS] != ELFCLASS64)
		return out;
	if (machine == EM_MIPS || machine == EM_MIPS_RS3_LE)
		decode_mips(file, entry->r_info, &out);
	else if (machine == EM_SPARCV9)
		decode_sparc(entry->r_info, &out);
	return out;
}
