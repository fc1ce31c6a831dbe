/* dies_table.c - the tables dwarf_dies and dwarf_dies_graph.
 *
 * Both go through units, and in each through the DIEs noted down by dwarf_file.c. An offset leads
 * to its unit, and there by bisection to the DIE.
 */
#include <dwarf.h>
#include <elfutils/known-dwarf.h>
#include <stdio.h>

#include "sql/elf/tables.h"
#include "sql/reader/dwarf_die.h"
#include "sql/vtab/result.h"

enum {
	TAG = 1,
	NAME,
	LOW_PC,
	HIGH_PC,
	OFFSET,
	SIZE,
	CU_OFFSET,
	N_COLUMNS,
	LINKAGE_NAME = N_COLUMNS + 2,
	FULL_NAME,
	DEBUG_FILE
};
enum { PARENT_OFFSET = 1, CHILD_OFFSET };

struct state {
	struct row_state base;
	struct elf_file *file;
	const struct filter *filter;
	struct range units, offsets, parents;
	bool is_open;	 /* a unit, number `unit` - 1 */
	size_t unit;	 /* the next */
	uint32_t at;	 /* the next DIE in it */
	uint32_t end;	 /* where to stop */
	uint32_t die;	 /* the row */
	uint32_t parent; /* whose children are wanted; NO_DIE: any */
	uint64_t offset;
};

static struct dwarf_unit *unit_of(const struct state *self)
{
	return &self->file->dwarf->units[self->unit - 1];
}

static int start(struct state *self, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	self->file = file;
	self->filter = filter;
	return dwarf_file_of(file, err) ? 0 : -1;
}

static int start_dies(void *state, struct elf_file *file, const struct filter *filter,
		      struct matr_error *err)
{
	struct state *self = state;

	self->units = filter_range(filter, CU_OFFSET);
	self->offsets = filter_range(filter, OFFSET);
	self->parents = (struct range){INT64_MIN, INT64_MAX};
	return start(self, file, filter, err);
}

static int start_graph(void *state, struct elf_file *file, const struct filter *filter,
		       struct matr_error *err)
{
	struct state *self = state;

	self->units = (struct range){INT64_MIN, INT64_MAX};
	self->offsets = filter_range(filter, CHILD_OFFSET);
	self->parents = filter_range(filter, PARENT_OFFSET);
	return start(self, file, filter, err);
}

static void leave_unit(struct state *self)
{
	if (self->is_open)
		unit_of(self)->readers--;
	self->is_open = false;
}

static void finish(void *state)
{
	leave_unit(state);
}

static bool overlaps(struct range range, const struct dwarf_unit *unit)
{
	return range.low <= range.high && range.high >= (int64_t)(unit->base + unit->offset) &&
	       range.low < (int64_t)(unit->base + unit->end);
}

/* Narrow the unit's DIEs to those below the parent, or at the offset, if the query asks for a
 * single one. Otherwise all of them are looked at. */
static void choose_dies(struct state *self, const struct dwarf_unit *unit)
{
	self->at = 0;
	self->end = (uint32_t)unit->n_dies;
	self->parent = NO_DIE;
	if (self->parents.low == self->parents.high) {
		self->parent = dwarf_unit_find(unit, (uint64_t)self->parents.low);
		self->at = self->parent == NO_DIE ? self->end : self->parent + 1;
		if (self->parent != NO_DIE)
			self->end = unit->dies[self->parent].end;
	} else if (self->offsets.low == self->offsets.high) {
		uint32_t found = dwarf_unit_find(unit, (uint64_t)self->offsets.low);
		self->at = found == NO_DIE ? self->end : found;
		self->end = found == NO_DIE ? self->end : found + 1;
	}
}

static void warn_missing(const struct elf_file *file, const struct dwarf_unit *unit)
{
	struct matr_error warning;

	matr_fail(&warning, MATR_ERROR_NOT_FOUND, file->path,
		  "its debugging information is split, and %s is not found", unit->missing);
	elf_file_warn(file, &warning);
}

/* Advance to the next unit that is wanted. Returns 1, 0 at the end, -1 on error. */
static int next_unit(struct state *self, struct matr_error *err)
{
	struct dwarf_unit *unit;

	leave_unit(self);
	for (;;) {
		int result = dwarf_unit_get(self->file, self->unit, &unit, err);
		if (result <= 0)
			return result;
		self->unit++;
		if (unit->missing)
			warn_missing(self->file, unit);
		if (!in_range(self->units, unit->cu_offset) || !overlaps(self->offsets, unit) ||
		    !overlaps(self->parents, unit))
			continue;
		if (dwarf_unit_read(self->file, self->unit - 1, err) < 0)
			return -1;
		unit->readers++;
		self->is_open = true;
		choose_dies(self, unit);
		return 1;
	}
}

static int next(struct state *self, bool graph, struct matr_error *err)
{
	for (;;) {
		while (self->is_open && self->at < self->end) {
			const struct dwarf_unit *unit = unit_of(self);
			const struct die *die = &unit->dies[self->at];
			self->die = self->at;
			/* Children of one DIE only: past what is below each. */
			self->at = self->parent != NO_DIE ? die->end : self->at + 1;
			self->offset = unit->base + unit->offset + die->offset;
			self->base.row = self->offset;
			if (in_range(self->offsets, self->offset) &&
			    (!graph || die->parent != NO_DIE))
				return 1;
		}
		int result = next_unit(self, err);
		if (result <= 0)
			return result;
	}
}

static int next_die(void *state, struct matr_error *err)
{
	return next(state, false, err);
}

static int next_edge(void *state, struct matr_error *err)
{
	return next(state, true, err);
}

static const char *tag_name(int tag)
{
	switch (tag) {
#define DWARF_ONE_KNOWN_DW_TAG(NAME, CODE)                                                         \
	case CODE:                                                                                 \
		return #CODE;
		DWARF_ALL_KNOWN_DW_TAG
#undef DWARF_ONE_KNOWN_DW_TAG
	default:
		return NULL;
	}
}

static void result_tag(sqlite3_context *context, int tag)
{
	const char *name = tag_name(tag);
	char number[24];

	if (!name)
		snprintf(number, sizeof number, "DW_TAG_0x%x", (unsigned)tag);
	result_text(context, name ? name : number);
}

static bool low_pc(const struct state *self, Dwarf_Die *die, Dwarf_Addr *address)
{
	Dwarf_Attribute attribute;

	return dwarf_unit_address(self->file, unit_of(self),
				  dwarf_attr(die, DW_AT_low_pc, &attribute), address);
}

/* An address, or a distance from low_pc (DWARF 5, 2.17.2). */
static bool high_pc(const struct state *self, Dwarf_Die *die, Dwarf_Addr *address)
{
	Dwarf_Attribute attribute;
	Dwarf_Addr low;
	Dwarf_Word distance;

	if (!low_pc(self, die, &low) || !dwarf_attr(die, DW_AT_high_pc, &attribute))
		return false;
	if (dwarf_unit_address(self->file, unit_of(self), &attribute, address))
		return true;
	if (dwarf_formudata(&attribute, &distance) != 0)
		return false;
	*address = low + distance;
	return true;
}

/* The string of an attribute, or of another one where it has not the first; of what the DIE is
 * a copy of too. */
static void result_string(sqlite3_context *context, const struct state *self, Dwarf_Die *die,
			  unsigned code, unsigned other)
{
	const struct dwarf_unit *unit = unit_of(self);
	Dwarf_Attribute space,
		*attribute = dwarf_unit_attribute(self->file, unit, die, code, &space);

	if (!attribute)
		attribute = dwarf_unit_attribute(self->file, unit, die, other, &space);
	result_text(context, dwarf_unit_string(self->file, unit, attribute));
}

static void column_die(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct dwarf_unit *unit = unit_of(self);
	const struct dwarf_handle *handle = &self->file->dwarf->handle;
	Dwarf_Die die = dwarf_unit_die(unit, self->die);
	Dwarf_Attribute own;
	Dwarf_Addr address;

	switch (i) {
	case TAG:
		result_tag(context, dwarf_tag(&die));
		break;
	case NAME:
		result_text(context, dwarf_unit_string(self->file, unit,
						       dwarf_attr(&die, DW_AT_name, &own)));
		break;
	case LOW_PC:
		if (low_pc(self, &die, &address))
			result_number(context, dwarf_open_address(handle, address, false));
		break;
	case HIGH_PC:
		if (high_pc(self, &die, &address))
			result_number(context, dwarf_open_address(handle, address, true));
		break;
	case OFFSET:
		result_number(context, self->offset);
		break;
	case SIZE:
		result_number(context, unit->dies[self->die].size);
		break;
	case CU_OFFSET:
		result_number(context, unit->cu_offset);
		break;
	case LINKAGE_NAME:
		result_string(context, self, &die, DW_AT_linkage_name, DW_AT_MIPS_linkage_name);
		break;
	case FULL_NAME:
		result_string(context, self, &die, DW_AT_name, DW_AT_name);
		break;
	case DEBUG_FILE:
		result_text(context, self->file->dwarf->separate ? self->file->dwarf->separate->path
								 : self->file->path);
		break;
	default:
		break;
	}
}

static void column_edge(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct dwarf_unit *unit = unit_of(self);
	uint32_t parent = unit->dies[self->die].parent;

	if (i == PARENT_OFFSET)
		result_number(context, unit->base + unit->offset + unit->dies[parent].offset);
	else if (i == CHILD_OFFSET)
		result_number(context, self->offset);
}

const struct row_source dwarf_dies_rows = {
	.name = "dwarf_dies",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  tag TEXT, -- DW_TAG_subprogram, ...\n"
		   "  name TEXT, -- its own DW_AT_name\n"
		   "  low_pc INTEGER, -- address where its code begins\n"
		   "  high_pc INTEGER, -- address behind its code\n"
		   "  offset INTEGER, -- in .debug_info; tells DIEs of a file apart\n"
		   "  size INTEGER, -- bytes, children not included\n"
		   "  cu_offset INTEGER, -- of its unit, in .debug_info\n",
	.more = "  linkage_name TEXT HIDDEN, -- the name of its symbol\n"
		"  full_name TEXT HIDDEN, -- its name, or that of what it is a copy of\n"
		"  debug_file TEXT HIDDEN -- where the debugging information was found\n",
	.n_columns = N_COLUMNS,
	.n_more = 3,
	.rows = 100000,
	.work = 200000,
	.keys = {{.column = OFFSET, .ordered = true, .rows = 1, .work = 100},
		 {.column = CU_OFFSET, .ordered = true, .rows = 1000, .work = 2000}},
	.state_size = sizeof(struct state),
	.start = start_dies,
	.next = next_die,
	.column = column_die,
	.finish = finish,
};

const struct row_source dwarf_dies_graph_rows = {
	.name = "dwarf_dies_graph",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  parent_offset INTEGER, -- dwarf_dies.offset of the one around\n"
		   "  child_offset INTEGER, -- dwarf_dies.offset of one right below it\n",
	.more = "",
	.n_columns = 3,
	.rows = 100000,
	.work = 200000,
	.keys = {{.column = PARENT_OFFSET, .ordered = true, .rows = 8, .work = 100},
		 {.column = CHILD_OFFSET, .ordered = true, .rows = 1, .work = 100}},
	.state_size = sizeof(struct state),
	.start = start_graph,
	.next = next_edge,
	.column = column_edge,
	.finish = finish,
};
