/* strings_table.c - the table elf_strings: the strings of every string table section.
 *
 * A string starts where the one before ends. Linkers let a string serve as the end of another
 * too: what refers to the middle of a string is not a row of its own. */
#include <string.h>

#include "sql/elf/tables.h"
#include "sql/reader/elf_file.h"
#include "sql/vtab/result.h"

enum { SECTION = 1, VALUE, OFFSET, N_COLUMNS };

struct state {
	struct row_state base;
	struct elf_file *file;
	const struct filter *filter;
	struct range offsets;
	size_t section; /* 0: before the first */
	const char *bytes;
	size_t size, at; /* of the section */
	size_t offset;	 /* of the row */
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	(void)err;
	self->file = file;
	self->filter = filter;
	self->offsets = filter_range(filter, OFFSET);
	if (self->offsets.low > self->offsets.high)
		self->section = file->n_sections;
	return 0;
}

/* Advance to the next section that is wanted. Returns 1, 0 at the end, -1 on error. */
static int next_section(struct state *self, struct matr_error *err)
{
	const struct elf_section *section;

	do {
		if (self->section + 1 >= self->file->n_sections)
			return 0;
		section = &self->file->sections[++self->section];
	} while (section->header.sh_type != SHT_STRTAB || section->header.sh_size == 0 ||
		 filter_excludes(self->filter, SECTION, section->name));
	self->bytes = (const char *)elf_file_bytes(self->file, self->section, &self->size, err);
	if (!self->bytes)
		return -1;
	self->at = 0;
	if (self->offsets.low > 0) {
		/* Find the first string that starts at or after an offset. */
		size_t low = (uint64_t)self->offsets.low < self->size ? (size_t)self->offsets.low
								      : self->size;
		self->at = low;
		if (self->at < self->size && self->bytes[self->at - 1]) {
			self->at += strlen(self->bytes + self->at);
		}
	}
	return 1;
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;

	for (;;) {
		while (self->bytes && self->at < self->size && !self->bytes[self->at])
			self->at++;
		if (self->bytes && self->at < self->size &&
		    (self->offsets.high < 0 ? false : self->at <= (uint64_t)self->offsets.high)) {
			self->offset = self->at;
			self->at += strlen(self->bytes + self->at);
			self->base.row =
				self->file->sections[self->section].header.sh_offset + self->offset;
			return 1;
		}
		int result = next_section(self, err);
		if (result <= 0)
			return result;
	}
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;

	if (i == SECTION)
		result_text(context, self->file->sections[self->section].name);
	else if (i == VALUE)
		result_text(context, self->bytes + self->offset);
	else if (i == OFFSET)
		result_number(context, self->offset);
}

const struct row_source elf_strings_rows = {
	.name = "elf_strings",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  section TEXT, -- .dynstr, .strtab, .shstrtab, ...\n"
		   "  value TEXT, -- the string; empty ones are left out\n"
		   "  offset INTEGER, -- within the section\n",
	.more = "",
	.n_columns = N_COLUMNS,
	.rows = 2000,
	.work = 2000,
	.keys = {{.column = OFFSET, .ordered = true, .rows = 2, .work = 2},
		 {.column = SECTION, .rows = 700, .work = 700}},
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
};
