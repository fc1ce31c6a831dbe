/* relocations_table.c - the table elf_relocations: every SHT_RELA, SHT_REL and SHT_RELR section in
 * file order, RELR expanded. */
#include <stdio.h>
#include <string.h>

#include "sql/elf/tables.h"
#include "sql/reader/elf_dynamic.h"
#include "sql/reader/elf_names.h"
#include "sql/reader/elf_relocation.h"
#include "sql/reader/elf_symbols.h"
#include "sql/vtab/result.h"

enum {
	ADDEND = 1,
	INFO,
	IS_RELA,
	PURPOSE,
	SECTION,
	SYMBOL,
	SYMBOL_TABLE,
	TYPE,
	N_COLUMNS,
	OFFSET = N_COLUMNS + 2,
	RELOCATION_SECTION,
	SECOND_ADDEND
};

struct state {
	struct row_state base;
	struct elf_file *file;
	const struct filter *filter;
	struct range offsets;
	uint64_t plt; /* DT_JMPREL; 0: none */

	size_t section; /* the relocation section; 0: before the first */
	Elf_Data *data;
	size_t n, at;	 /* entries of it */
	size_t last;	 /* section that the last offset was in */
	size_t count;	 /* rows so far: their numbers */
	uint64_t relr;	 /* RELR: address of the next bit's word */
	uint64_t bits;	 /* those of the current bitmap that are left */
	uint64_t bitmap; /* address of the word of its lowest bit left */

	struct elf_relocation relocation;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;
	struct elf_dynamic dynamic;
	GElf_Dyn entry;

	(void)err;
	self->file = file;
	self->filter = filter;
	self->offsets = filter_range(filter, OFFSET);
	if (elf_dynamic_open(file, &dynamic, NULL) == 0 &&
	    elf_dynamic_find(&dynamic, DT_JMPREL, &entry))
		self->plt = entry.d_un.d_val;
	return 0;
}

static bool is_wanted(const struct elf_section *section)
{
	return section->header.sh_size &&
	       (section->header.sh_type == SHT_RELA || section->header.sh_type == SHT_REL ||
		section->header.sh_type == SHT_RELR);
}

static int next_section(struct state *self, struct matr_error *err)
{
	Elf_Type type;

	do {
		if (self->section + 1 >= self->file->n_sections)
			return 0;
		self->section++;
	} while (!is_wanted(&self->file->sections[self->section]));
	switch (self->file->sections[self->section].header.sh_type) {
	case SHT_RELA:
		type = ELF_T_RELA;
		break;
	case SHT_REL:
		type = ELF_T_REL;
		break;
	default:
		type = gelf_getclass(self->file->elf) == ELFCLASS64 ? ELF_T_XWORD : ELF_T_WORD;
		break;
	}
	self->data = elf_file_data(self->file, self->section, type, err);
	if (!self->data)
		return -1;
	self->n = self->data->d_size / gelf_fsize(self->file->elf, type, 1, EV_CURRENT);
	self->at = 0;
	self->relr = self->bits = 0;
	return 1;
}

static void set_relative(struct state *self, uint64_t offset)
{
	self->relocation = (struct elf_relocation){.offset = offset};
}

static bool next_relr(struct state *self)
{
	bool wide = gelf_getclass(self->file->elf) == ELFCLASS64;
	unsigned word = wide ? 8 : 4;

	for (;;) {
		while (self->bits && !(self->bits & 1)) {
			self->bits >>= 1;
			self->bitmap += word;
		}
		if (self->bits) {
			set_relative(self, self->bitmap);
			self->bits >>= 1;
			self->bitmap += word;
			return true;
		}
		if (self->at >= self->n)
			return false;
		uint64_t entry = wide ? ((const uint64_t *)self->data->d_buf)[self->at]
				      : ((const uint32_t *)self->data->d_buf)[self->at];
		self->at++;
		if (entry & 1) {
			self->bits = entry >> 1;
			self->bitmap = self->relr;
			self->relr += (uint64_t)word * (wide ? 63 : 31);
			continue;
		}
		set_relative(self, entry);
		self->relr = entry + word;
		return true;
	}
}

/* The next of the section. */
static bool next_relocation(struct state *self)
{
	GElf_Rela entry = {0};
	GElf_Rel without_addend;

	switch (self->file->sections[self->section].header.sh_type) {
	case SHT_RELA:
		if (self->at >= self->n || !gelf_getrela(self->data, (int)self->at++, &entry))
			return false;
		break;
	case SHT_REL:
		if (self->at >= self->n ||
		    !gelf_getrel(self->data, (int)self->at++, &without_addend))
			return false;
		entry.r_offset = without_addend.r_offset;
		entry.r_info = without_addend.r_info;
		break;
	default:
		return next_relr(self);
	}
	self->relocation = elf_relocation_decode(self->file, &entry);
	return true;
}

static const struct elf_section *symbol_table(const struct state *self)
{
	size_t link = self->file->sections[self->section].header.sh_link;

	return link && link < self->file->n_sections ? &self->file->sections[link] : NULL;
}

/* The symbol's name; NULL: none. That of a section symbol is the section's. */
static const char *symbol_name(struct state *self)
{
	const struct elf_section *table = symbol_table(self);
	size_t index = self->relocation.symbol;
	GElf_Sym symbol;

	if (index == 0 || !table ||
	    (table->header.sh_type != SHT_DYNSYM && table->header.sh_type != SHT_SYMTAB))
		return NULL;
	Elf_Data *data =
		elf_file_data(self->file, (size_t)(table - self->file->sections), ELF_T_SYM, NULL);
	if (!data || index > INT32_MAX || !gelf_getsym(data, (int)index, &symbol))
		return NULL;
	if (GELF_ST_TYPE(symbol.st_info) == STT_SECTION && symbol.st_name == 0)
		return elf_file_section_name(self->file, symbol.st_shndx);
	return elf_file_string(self->file, table->header.sh_link, symbol.st_name);
}

static bool has_address(const GElf_Shdr *header, uint64_t address)
{
	return header->sh_flags & SHF_ALLOC && address >= header->sh_addr &&
	       address - header->sh_addr < header->sh_size &&
	       !(header->sh_flags & SHF_TLS && header->sh_type == SHT_NOBITS);
}

/* The section that is relocated; NULL: none. */
static const char *target_section(struct state *self)
{
	const struct elf_file *file = self->file;
	const GElf_Shdr *header = &file->sections[self->section].header;

	if (file->made_up)
		return NULL;
	if (file->header.e_type == ET_REL || !(header->sh_flags & SHF_ALLOC))
		return header->sh_info && header->sh_info < file->n_sections
			       ? file->sections[header->sh_info].name
			       : NULL;
	if (has_address(&file->sections[self->last].header, self->relocation.offset))
		return file->sections[self->last].name;
	for (size_t i = 1; i < file->n_sections; i++)
		if (has_address(&file->sections[i].header, self->relocation.offset)) {
			self->last = i;
			return file->sections[i].name;
		}
	return NULL;
}

static bool is_excluded(struct state *self)
{
	if (!in_range(self->offsets, self->relocation.offset))
		return true;
	if (filter_text(self->filter, SYMBOL)) {
		const char *name = symbol_name(self);
		if (!name || filter_excludes(self->filter, SYMBOL, name))
			return true;
	}
	if (filter_text(self->filter, SECTION)) {
		const char *name = target_section(self);
		if (!name || filter_excludes(self->filter, SECTION, name))
			return true;
	}
	return false;
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;

	for (;;) {
		while (self->data && next_relocation(self)) {
			self->base.row = self->count++;
			if (!is_excluded(self))
				return 1;
		}
		self->data = NULL;
		int result = next_section(self, err);
		if (result <= 0)
			return result;
	}
}

static void result_type(sqlite3_context *context, const struct state *self)
{
	const struct elf_relocation *relocation = &self->relocation;
	unsigned machine = self->file->header.e_machine;
	char text[RELOCATION_TYPES * 32] = "";
	size_t length = 0;

	if (self->file->sections[self->section].header.sh_type == SHT_RELR) {
		sqlite3_result_text(context, "RELATIVE", -1, SQLITE_STATIC);
		return;
	}
	if (relocation->n_types == 1) {
		result_name(context, NAMES_R, relocation->types[0], machine);
		return;
	}
	for (unsigned i = 0; i < relocation->n_types; i++) {
		const char *name = elf_name(NAMES_R, relocation->types[i], machine);
		char number[16];
		snprintf(number, sizeof number, "0x%x", relocation->types[i]);
		int more = snprintf(text + length, sizeof text - length, "%s%s", i ? "/" : "",
				    name ? name : number);
		length += more > 0 && (size_t)more < sizeof text - length ? (size_t)more : 0;
	}
	result_text(context, text);
}

static const char *purpose(const struct state *self)
{
	const GElf_Shdr *header = &self->file->sections[self->section].header;

	if (self->file->header.e_type == ET_REL || !(header->sh_flags & SHF_ALLOC))
		return "OBJECT";
	return self->plt && header->sh_addr == self->plt ? "PLTGOT" : "DYNAMIC";
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct elf_section *section = &self->file->sections[self->section],
				 *table = symbol_table(self);

	switch (i) {
	case ADDEND:
		sqlite3_result_int64(context, self->relocation.addend);
		break;
	case INFO:
		result_number(context, self->relocation.symbol);
		break;
	case IS_RELA:
		sqlite3_result_int(context, section->header.sh_type == SHT_RELA);
		break;
	case PURPOSE:
		sqlite3_result_text(context, purpose(self), -1, SQLITE_STATIC);
		break;
	case SECTION:
		result_text(context, target_section(self));
		break;
	case SYMBOL:
		result_text(context, symbol_name(self));
		break;
	case SYMBOL_TABLE:
		result_text(context, table ? table->name : NULL);
		break;
	case TYPE:
		result_type(context, self);
		break;
	case OFFSET:
		result_number(context, self->relocation.offset);
		break;
	case RELOCATION_SECTION:
		result_text(context, section->name);
		break;
	case SECOND_ADDEND:
		if (self->relocation.has_second_addend)
			sqlite3_result_int(context, self->relocation.second_addend);
		break;
	default:
		break;
	}
}

const struct row_source elf_relocations_rows = {
	.name = "elf_relocations",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  addend INTEGER, -- 0 where the file holds it at the place (is_rela 0)\n"
		   "  info INTEGER, -- index of the symbol in the symbol table; 0: none\n"
		   "  is_rela INTEGER, -- 1: with an addend of its own\n"
		   "  purpose TEXT, -- DYNAMIC, PLTGOT (function calls), OBJECT (for the link "
		   "editor)\n"
		   "  section TEXT, -- the section that is relocated\n"
		   "  symbol TEXT, -- name; NULL: none\n"
		   "  symbol_table TEXT, -- .dynsym or .symtab\n"
		   "  type TEXT, -- RELATIVE, GLOB_DAT, JUMP_SLOT, 64, ...; several in one (64-bit "
		   "MIPS): REL32/64\n",
	.more = "  offset INTEGER HIDDEN, -- where: address, or offset in the section (OBJECT)\n"
		"  relocation_section TEXT HIDDEN, -- .rela.dyn, .rela.plt, .relr.dyn, ...\n"
		"  second_addend INTEGER HIDDEN -- of SPARC's OLO10; NULL: of no other\n",
	.n_columns = N_COLUMNS,
	.n_more = 3,
	.rows = 3000,
	.work = 3000,
	.keys = {{.column = SYMBOL, .rows = 2, .work = 3000},
		 {.column = SECTION, .rows = 300, .work = 3000},
		 {.column = OFFSET, .ordered = true, .rows = 1, .work = 2000}},
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
};
