/* lines_table.c - the table dwarf_debug_lines: the line table of every unit, by address. */
#include <dwarf.h>

#include "sql/elf/tables.h"
#include "sql/reader/dwarf_file.h"
#include "sql/vtab/result.h"

enum {
	FILENAME = 1,
	ADDRESS,
	LINE,
	COLUMN,
	CU_OFFSET,
	N_COLUMNS,
	END_SEQUENCE = N_COLUMNS + 2,
	IS_STATEMENT
};

struct state {
	struct row_state base;
	struct elf_file *file;
	struct range units, addresses;
	size_t unit; /* the next */
	uint64_t cu_offset;
	Dwarf_Lines *lines;
	size_t n, at;
	Dwarf_Line *line;
	Dwarf_Addr address;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	self->file = file;
	self->units = filter_range(filter, CU_OFFSET);
	self->addresses = filter_range(filter, ADDRESS);
	return dwarf_file_of(file, err) ? 0 : -1;
}

static int64_t address_of(const struct state *self, size_t i)
{
	Dwarf_Addr address = 0;

	dwarf_lineaddr(dwarf_onesrcline(self->lines, i), &address);
	return (int64_t)address;
}

/* libdw sorts by address. */
static size_t lower_bound(const struct state *self)
{
	size_t low = 0, high = self->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_of(self, middle) < self->addresses.low)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_relocatable(const struct state *self)
{
	return self->file->dwarf->handle.module != NULL;
}

/* From libdw's address to an offset in the section. */
static void to_offset(struct state *self)
{
	bool end = false;

	dwarf_lineendsequence(self->line, &end);
	self->address = dwarf_open_address(&self->file->dwarf->handle, self->address, end);
}

/* 1: read; 0: it has none; -1: malformed. */
static int read_lines(struct state *self, struct dwarf_unit *unit, struct matr_error *err)
{
	Dwarf_Die die = unit->die;

	/* Units of types and the parts of units that dwz makes name the table of a unit of code. */
	if ((dwarf_tag(&die) != DW_TAG_compile_unit && dwarf_tag(&die) != DW_TAG_skeleton_unit) ||
	    !dwarf_hasattr(&die, DW_AT_stmt_list))
		return 0;
	if (dwarf_getsrclines(&die, &self->lines, &self->n) != 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, self->file->path,
				 "the line table of the unit at 0x%llx: %s",
				 (unsigned long long)unit->offset, dwarf_errmsg(-1));
	if (self->n == 0)
		return 0;
	self->at = 0;
	if (is_relocatable(self))
		return 1; /* not in order of the offsets */
	unit->has_lines = true;
	unit->low = address_of(self, 0);
	unit->high = address_of(self, self->n - 1);
	if (self->addresses.low != INT64_MIN)
		self->at = lower_bound(self);
	return 1;
}

static int next_unit(struct state *self, struct matr_error *err)
{
	struct dwarf_unit *unit;

	for (;;) {
		int result = dwarf_unit_get(self->file, self->unit, &unit, err);
		if (result <= 0)
			return result;
		self->unit++;
		/* The lines of a split unit are those of its skeleton. */
		if (unit->is_split || !in_range(self->units, unit->cu_offset) ||
		    (unit->has_lines &&
		     (unit->low > self->addresses.high || unit->high < self->addresses.low)))
			continue;
		self->cu_offset = unit->cu_offset;
		result = read_lines(self, unit, err);
		if (result != 0)
			return result;
	}
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;

	for (;;) {
		while (self->at < self->n) {
			self->line = dwarf_onesrcline(self->lines, self->at);
			self->base.row = self->cu_offset << 20 ^ self->at++;
			if (!self->line || dwarf_lineaddr(self->line, &self->address) != 0)
				continue;
			if (is_relocatable(self)) {
				to_offset(self);
				if (in_range(self->addresses, self->address))
					return 1;
				continue;
			}
			if ((int64_t)self->address > self->addresses.high)
				break;
			if ((int64_t)self->address >= self->addresses.low)
				return 1;
		}
		self->n = self->at = 0;
		int result = next_unit(self, err);
		if (result <= 0)
			return result;
	}
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	bool flag = false;
	int number = 0;

	switch (i) {
	case FILENAME:
		result_text(context, dwarf_linesrc(self->line, NULL, NULL));
		break;
	case ADDRESS:
		result_number(context, self->address);
		break;
	case LINE:
		if (dwarf_lineno(self->line, &number) == 0)
			sqlite3_result_int(context, number);
		break;
	case COLUMN:
		if (dwarf_linecol(self->line, &number) == 0)
			sqlite3_result_int(context, number);
		break;
	case CU_OFFSET:
		result_number(context, self->cu_offset);
		break;
	case END_SEQUENCE:
		if (dwarf_lineendsequence(self->line, &flag) == 0)
			sqlite3_result_int(context, flag);
		break;
	case IS_STATEMENT:
		if (dwarf_linebeginstatement(self->line, &flag) == 0)
			sqlite3_result_int(context, flag);
		break;
	default:
		break;
	}
}

const struct row_source dwarf_debug_lines_rows = {
	.name = "dwarf_debug_lines",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  filename TEXT, -- source file\n"
		   "  address INTEGER, -- of the instruction\n"
		   "  line INTEGER, -- in the source file, from 1; 0: none\n"
		   "  column INTEGER, -- in the line, from 1; 0: none\n"
		   "  cu_offset INTEGER, -- of the unit, as in dwarf_dies\n",
	.more = "  end_sequence INTEGER HIDDEN, -- 1: not an instruction, but the end of some\n"
		"  is_statement INTEGER HIDDEN -- 1: a good place for a breakpoint\n",
	.n_columns = N_COLUMNS,
	.n_more = 2,
	.rows = 50000,
	.work = 100000,
	.keys = {{.column = ADDRESS, .ordered = true, .rows = 2, .work = 300},
		 {.column = CU_OFFSET, .ordered = true, .rows = 1000, .work = 500}},
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
};
