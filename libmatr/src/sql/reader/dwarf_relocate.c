/* dwarf_relocate.c - absolute relocations of debug sections. */
#include "sql/reader/dwarf_relocate.h"

#include <string.h>

#include "sql/reader/elf_names.h"
#include "sql/reader/elf_relocation.h"

/* Number of bytes that each type of relocation writes. */
static const struct {
	uint16_t machine;
	uint32_t type;
	unsigned bytes; /* 0: none */
} types[] = {
	{EM_MIPS, R_MIPS_NONE, 0},
	{EM_MIPS, R_MIPS_32, 4},
	{EM_MIPS, R_MIPS_64, 8},
	/* In location expressions, which no table shows. */
	{EM_MIPS, R_MIPS_TLS_DTPREL32, 0},
	{EM_MIPS, R_MIPS_TLS_DTPREL64, 0},
};

bool dwarf_relocates(const struct elf_file *file)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].machine == file->header.e_machine)
			return true;
	return false;
}

static bool is_debug_section(const struct elf_file *file, size_t section)
{
	return section && section < file->n_sections &&
	       strncmp(file->sections[section].name, ".debug", 6) == 0;
}

struct relocations { /* of one section */
	struct elf_file *file;
	size_t section; /* the relocation section */
	Elf_Data *data, *symbols;
	size_t n;
	bool has_addends;
};

/* Open section `i` if it has relocations of a debug section. Returns 1 if so, 0 if not, -1 on
 * error. */
static int open_relocations(struct elf_file *file, size_t i, struct relocations *out,
			    struct matr_error *err)
{
	const GElf_Shdr *header = &file->sections[i].header;
	bool has_addends = header->sh_type == SHT_RELA;
	Elf_Type type = has_addends ? ELF_T_RELA : ELF_T_REL;

	if ((!has_addends && header->sh_type != SHT_REL) || header->sh_size == 0 ||
	    !is_debug_section(file, header->sh_info) || header->sh_link >= file->n_sections ||
	    file->sections[header->sh_link].header.sh_type != SHT_SYMTAB)
		return 0;
	*out = (struct relocations){
		.file = file,
		.section = i,
		.data = elf_file_data(file, i, type, err),
		.symbols = elf_file_data(file, header->sh_link, ELF_T_SYM, err),
		.has_addends = has_addends,
	};
	if (!out->data || !out->symbols)
		return -1;
	out->n = out->data->d_size / gelf_fsize(file->elf, type, 1, EV_CURRENT);
	return 1;
}

static bool get(const struct relocations *relocations, size_t i, struct elf_relocation *out,
		GElf_Sym *symbol)
{
	GElf_Rela entry = {0};
	GElf_Rel without_addend;

	if (relocations->has_addends) {
		if (!gelf_getrela(relocations->data, (int)i, &entry))
			return false;
	} else {
		if (!gelf_getrel(relocations->data, (int)i, &without_addend))
			return false;
		entry.r_offset = without_addend.r_offset;
		entry.r_info = without_addend.r_info;
	}
	*out = elf_relocation_decode(relocations->file, &entry);
	*symbol = (GElf_Sym){0};
	return out->symbol == 0 || (out->symbol <= INT32_MAX &&
				    gelf_getsym(relocations->symbols, (int)out->symbol, symbol));
}

static uint64_t read_number(const uint8_t *bytes, size_t size, bool big)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[big ? i : size - 1 - i];
	return value;
}

/* ---- applying ---- */

/* The bytes that a relocation writes; -1: its type is unknown. */
static int width_of(const struct elf_file *file, const struct elf_relocation *relocation)
{
	if (relocation->n_types > 1)
		return -1;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].machine == file->header.e_machine &&
		    types[i].type == relocation->types[0])
			return (int)types[i].bytes;
	return -1;
}

static int apply(const struct relocations *relocations, uint8_t *contents, size_t size,
		 struct matr_error *err)
{
	const struct elf_file *file = relocations->file;
	bool big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;

	for (size_t i = 0; i < relocations->n; i++) {
		struct elf_relocation relocation;
		GElf_Sym symbol;
		if (!get(relocations, i, &relocation, &symbol))
			return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
					 "a relocation of section %s has no symbol",
					 file->sections[relocations->section].name);
		int width = width_of(file, &relocation);
		if (width < 0)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, file->path,
					 "its debugging information has relocations of an unknown "
					 "type (%u)",
					 relocation.types[0]);
		if (width == 0 || relocation.offset > size ||
		    (size_t)width > size - relocation.offset)
			continue;
		uint8_t *at = contents + relocation.offset;
		uint64_t value = symbol.st_value;
		value += relocations->has_addends ? (uint64_t)relocation.addend
						  : read_number(at, (size_t)width, big);
		for (int byte = 0; byte < width; byte++)
			at[big ? width - 1 - byte : byte] = (uint8_t)(value >> 8 * byte);
	}
	return 0;
}

int dwarf_relocate(struct elf_file *file, const struct elf_image *image, struct matr_error *err)
{
	for (size_t i = 1; i < file->n_sections; i++) {
		struct relocations relocations;
		GElf_Shdr header;
		int result = open_relocations(file, i, &relocations, err);
		if (result < 0)
			return -1;
		if (result == 0 ||
		    !gelf_getshdr(elf_getscn(image->elf, file->sections[i].header.sh_info),
				  &header) ||
		    header.sh_type == SHT_NOBITS || header.sh_offset > image->size ||
		    header.sh_size > image->size - header.sh_offset)
			continue;
		if (apply(&relocations, (uint8_t *)image->bytes + header.sh_offset, header.sh_size,
			  err) < 0)
			return -1;
	}
	return 0;
}

/* ---- checking ---- */

/* Returns true if the relocation refers to a debug section, so that its addend is the result. */
static bool is_plain(const struct relocations *relocations, const struct elf_relocation *relocation,
		     const GElf_Sym *symbol)
{
	return relocations->has_addends && relocation->addend > 0 &&
	       relocation->addend <= INT32_MAX && GELF_ST_TYPE(symbol->st_info) == STT_SECTION &&
	       symbol->st_value == 0 && is_debug_section(relocations->file, symbol->st_shndx);
}

int dwarf_check_relocated(struct elf_file *file, Elf *elf, struct matr_error *err)
{
	bool big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;

	for (size_t i = 1; i < file->n_sections; i++) {
		struct relocations relocations;
		if (open_relocations(file, i, &relocations, NULL) <= 0)
			continue;
		Elf_Data *data =
			elf_getdata(elf_getscn(elf, file->sections[i].header.sh_info), NULL);
		for (size_t n = 0; n < relocations.n && data && data->d_buf; n++) {
			struct elf_relocation relocation;
			GElf_Sym symbol;
			if (!get(&relocations, n, &relocation, &symbol) ||
			    !is_plain(&relocations, &relocation, &symbol) || data->d_size < 8 ||
			    relocation.offset > data->d_size - 8)
				continue;
			const uint8_t *at = (const uint8_t *)data->d_buf + relocation.offset;
			uint64_t addend = (uint64_t)relocation.addend;
			if (read_number(at, 4, big) == addend || read_number(at, 8, big) == addend)
				return 0;
			const char *name = elf_name(NAMES_EM, file->header.e_machine, 0);
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, file->path,
					 "its debugging information has relocations that are not "
					 "known: of machine %s",
					 name ? name : "number unknown");
		}
	}
	return 0;
}
