/* instructions_table.c - the table elf_instructions: capstone over every executable section.
 *
 * The sweep is linear and starts again at every symbol, as objdump's does. So the row of an address
 * does not depend on where a query begins, and a query for a range of addresses begins at the
 * symbol before it. Bytes that capstone does not take for an instruction are a row too: `.byte`,
 * with one byte, or all bytes of an instruction that capstone cannot decode, so that what follows
 * is not misread.
 *
 * A section is read piece by piece: memory does not grow with it. Counting rows needs no text, and
 * where all instructions are of one size, no disassembling either.
 */
#include <capstone.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/elf/tables.h"
#include "sql/reader/elf_code.h"
#include "sql/reader/elf_names.h"
#include "sql/reader/x86_unknown_length.h"
#include "sql/vtab/result.h"

enum { SECTION = 1, MNEMONIC, ADDRESS, OPERANDS, SIZE, N_COLUMNS };

enum { PIECE = 1 << 18, LONGEST = 16 /* bytes of an instruction, at least */ };

struct state {
	struct row_state base;
	struct elf_file *file;
	const struct filter *filter;
	struct range addresses;
	struct elf_code *code;

	csh engine;
	bool is_open;
	unsigned unit;	 /* size of what is skipped where there is no instruction */
	bool sizes_only; /* every instruction has the size `unit` and no more is wanted */
	cs_insn *instruction;
	bool is_bad; /* the row is bytes, not an instruction */
	uint8_t bad[16];

	size_t section; /* 0: before the first */
	uint64_t at;	/* offset in the section */
	uint64_t limit; /* where the sweep starts again: offset of the next symbol, or the end */
	size_t start;	/* index of that symbol */

	uint8_t *piece;
	uint64_t piece_at; /* offset in the section */
	size_t piece_size;

	uint64_t address; /* of the row */
	unsigned size;
};

static int fail_capstone(struct state *self, cs_err error, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, self->file->path,
			 "cannot be disassembled: %s", cs_strerror(error));
}

static int open_engine(struct state *self, struct matr_error *err)
{
	const GElf_Ehdr *header = &self->file->header;
	cs_arch arch = CS_ARCH_X86;
	cs_mode mode = CS_MODE_64;
	char number[16];

	self->unit = 1;
	switch (header->e_machine) {
	case EM_X86_64:
		break;
	case EM_386:
		mode = CS_MODE_32;
		break;
	case EM_AARCH64:
		arch = CS_ARCH_ARM64;
		mode = CS_MODE_LITTLE_ENDIAN; /* code is, in big-endian files too */
		self->unit = 4;
		break;
	default: {
		const char *name = elf_name(NAMES_EM, header->e_machine, 0);
		snprintf(number, sizeof number, "%u", header->e_machine);
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, self->file->path,
				 "instructions of machine %s are not supported",
				 name ? name : number);
	}
	}
	self->sizes_only =
		self->unit > 1 && !(self->filter->columns & (1u << MNEMONIC | 1u << OPERANDS));
	cs_err error = cs_open(arch, mode, &self->engine);
	if (error != CS_ERR_OK)
		return fail_capstone(self, error, err);
	self->is_open = true;
	self->instruction = cs_malloc(self->engine);
	self->piece = malloc(PIECE);
	return self->instruction && self->piece ? 0 : matr_fail_memory(err);
}

static bool has_code(const struct state *self, size_t section)
{
	const GElf_Shdr *header = &self->file->sections[section].header;

	return header->sh_flags & SHF_EXECINSTR && header->sh_type != SHT_NOBITS && header->sh_size;
}

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;
	bool any = false;

	self->file = file;
	self->filter = filter;
	self->addresses = filter_range(filter, ADDRESS);
	for (size_t i = 1; i < file->n_sections; i++)
		any |= has_code(self, i);
	if (!any) {
		self->section = file->n_sections;
		return 0;
	}
	self->code = elf_code_of(file, err);
	return self->code ? open_engine(self, err) : -1;
}

static void finish(void *state)
{
	struct state *self = state;

	if (self->instruction)
		cs_free(self->instruction, 1);
	if (self->is_open)
		cs_close(&self->engine);
	free(self->piece);
}

/* The offset of a start, if it is one of the current section. */
static bool start_offset(const struct state *self, size_t i, uint64_t *offset)
{
	if (i >= self->code->n || self->code->starts[i].section != self->section)
		return false;
	*offset =
		self->code->starts[i].address - self->file->sections[self->section].header.sh_addr;
	return true;
}

/* Next address at which the sweep starts again. */
static void set_limit(struct state *self)
{
	if (!start_offset(self, self->start, &self->limit))
		self->limit = self->file->sections[self->section].header.sh_size;
}

/* Begin at the symbol, if there is one, at or before the offset. */
static void seek(struct state *self, uint64_t offset)
{
	uint64_t address = self->file->sections[self->section].header.sh_addr + offset;

	self->start = elf_code_above(self->code, self->section, address);
	if (self->start == 0 || !start_offset(self, self->start - 1, &self->at))
		self->at = 0;
	set_limit(self);
}

/* Advance to the next section of the query. Returns 1 if there is one, 0 at the end, -1 on
 * error. */
static int next_section(struct state *self, struct matr_error *err)
{
	const struct elf_section *section;

	for (;;) {
		if (self->section + 1 >= self->file->n_sections)
			return 0;
		section = &self->file->sections[++self->section];
		if (!has_code(self, self->section) ||
		    filter_excludes(self->filter, SECTION, section->name))
			continue;
		const GElf_Shdr *header = &section->header;
		if (header->sh_offset > self->file->id.size ||
		    header->sh_size > self->file->id.size - header->sh_offset ||
		    header->sh_addr > UINT64_MAX - header->sh_size)
			return matr_fail(err, MATR_ERROR_MALFORMED, self->file->path,
					 "section %zu (%s) does not lie within the file",
					 self->section, section->name);
		/* As SQL sees addresses, signed; a section does not go from one half to the
		 * other. */
		int64_t first = (int64_t)header->sh_addr,
			last = (int64_t)(header->sh_addr + header->sh_size - 1);
		if (first > last || last < self->addresses.low || first > self->addresses.high)
			continue;
		seek(self, self->addresses.low > first
				   ? (uint64_t)self->addresses.low - header->sh_addr
				   : 0);
		self->piece_size = 0;
		return 1;
	}
}

/* Bytes of the section at the current offset: how many, of at least LONGEST where there are. */
static int64_t look(struct state *self, const uint8_t **bytes, struct matr_error *err)
{
	const GElf_Shdr *header = &self->file->sections[self->section].header;
	uint64_t left = self->limit - self->at;
	size_t wanted = left < LONGEST ? (size_t)left : LONGEST;

	if (self->piece_size == 0 || self->at < self->piece_at ||
	    self->at - self->piece_at + wanted > self->piece_size) {
		uint64_t rest = header->sh_size - self->at;
		size_t size = rest < PIECE ? (size_t)rest : PIECE;
		int64_t got = elf_file_read(self->file, header->sh_offset + self->at, self->piece,
					    size, err);
		if (got < 0)
			return -1;
		if ((size_t)got < size)
			return matr_fail(err, MATR_ERROR_MALFORMED, self->file->path,
					 "was truncated while it was read");
		self->piece_at = self->at;
		self->piece_size = size;
	}
	size_t skip = (size_t)(self->at - self->piece_at);
	*bytes = self->piece + skip;
	size_t there = self->piece_size - skip;
	return there < left ? (int64_t)there : (int64_t)left;
}

/* Test whether capstone 4 misreads the instruction. It gets some lengths of EVEX instructions
 * wrong, and takes F3 0F AE /5 (INCSSP) for LFENCE. */
static bool is_misread(const struct state *self, const uint8_t *bytes, size_t size)
{
	if (self->unit != 1)
		return false;
	if (bytes[0] == 0xf3)
		return self->instruction->id == X86_INS_LFENCE;
	if (bytes[0] != 0x62 && bytes[0] != 0xc4 && bytes[0] != 0xc5)
		return false;
	size_t length = x86_unknown_length(bytes, size, self->file->header.e_machine == EM_X86_64);
	return length && length != self->instruction->size;
}

static void take_bad(struct state *self, const uint8_t *bytes, size_t there)
{
	size_t size = self->unit;

	if (self->unit == 1) {
		size_t length =
			x86_unknown_length(bytes, there, self->file->header.e_machine == EM_X86_64);
		size = length && length <= sizeof self->bad ? length : 1;
	}
	self->is_bad = true;
	self->size = size < there ? (unsigned)size : (unsigned)there;
	memcpy(self->bad, bytes, self->size);
}

/* The instruction at the current offset. */
static int disassemble(struct state *self, struct matr_error *err)
{
	const uint8_t *bytes = NULL;
	int64_t there = look(self, &bytes, err);
	size_t size = (size_t)there;
	uint64_t address = self->file->sections[self->section].header.sh_addr + self->at;

	if (there < 0)
		return -1;
	const uint8_t *rest = bytes;
	self->address = address;
	self->is_bad = false;
	if (self->sizes_only && size >= self->unit)
		self->size = self->unit;
	else if (cs_disasm_iter(self->engine, &rest, &size, &address, self->instruction) &&
		 !is_misread(self, bytes, (size_t)there))
		self->size = self->instruction->size;
	else
		take_bad(self, bytes, (size_t)there);
	self->base.row = self->file->sections[self->section].header.sh_offset + self->at;
	self->at += self->size;
	return 1;
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;

	for (;;) {
		while (self->section && self->section < self->file->n_sections && self->limit) {
			if (self->at >= self->limit) {
				if (self->limit >=
				    self->file->sections[self->section].header.sh_size)
					break;
				self->start++;
				set_limit(self);
				continue;
			}
			if (disassemble(self, err) < 0)
				return -1;
			if ((int64_t)self->address > self->addresses.high)
				break;
			if ((int64_t)self->address >= self->addresses.low)
				return 1;
		}
		self->limit = 0;
		int result = next_section(self, err);
		if (result <= 0)
			return result;
	}
}

static void result_bad(sqlite3_context *context, const struct state *self)
{
	char text[sizeof self->bad * 6 + 1] = "", *at = text;

	for (unsigned i = 0; i < self->size && i < sizeof self->bad; i++)
		at += snprintf(at, 7, "%s0x%02x", i ? ", " : "", self->bad[i]);
	result_text(context, text);
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;

	switch (i) {
	case SECTION:
		result_text(context, self->file->sections[self->section].name);
		break;
	case MNEMONIC:
		result_text(context, self->is_bad ? ".byte" : self->instruction->mnemonic);
		break;
	case ADDRESS:
		result_number(context, self->address);
		break;
	case OPERANDS:
		if (self->is_bad)
			result_bad(context, self);
		else
			result_text(context, self->instruction->op_str);
		break;
	case SIZE:
		sqlite3_result_int(context, (int)self->size);
		break;
	default:
		break;
	}
}

const struct row_source elf_instructions_rows = {
	.name = "elf_instructions",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  section TEXT, -- .text, .plt, .init, ...\n"
		   "  mnemonic TEXT, -- in Intel's syntax; .byte: unknown, or no instruction\n"
		   "  address INTEGER, -- in memory\n"
		   "  operands TEXT, -- in Intel's syntax\n"
		   "  size INTEGER, -- bytes\n",
	.more = "",
	.n_columns = N_COLUMNS,
	.rows = 50000,
	.work = 500000,
	.keys = {{.column = ADDRESS, .ordered = true, .rows = 1, .work = 1500},
		 {.column = SECTION, .rows = 40000, .work = 400000}},
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
	.finish = finish,
};
