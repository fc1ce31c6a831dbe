/* dynamic_table.c - the table elf_dynamic_entries. */
#include "sql/elf/tables.h"
#include "sql/reader/elf_dynamic.h"
#include "sql/vtab/result.h"

struct state {
	struct row_state base;
	struct elf_file *file;
	struct elf_dynamic dynamic;
	size_t at;
	GElf_Dyn entry;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	(void)filter;
	self->file = file;
	if (elf_dynamic_open(file, &self->dynamic, err) == 0)
		return 0;
	/* A file of debugging information has the section header, but not the contents. */
	if (file->sections[self->dynamic.section].header.sh_type == SHT_NOBITS)
		return 0;
	return -1;
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;

	(void)err;
	if (self->at >= self->dynamic.n)
		return 0;
	self->base.row = self->at++;
	elf_dynamic_get(&self->dynamic, self->base.row, &self->entry);
	return 1;
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;

	if (i == 1)
		result_name(context, NAMES_DT,
			    gelf_getclass(self->file->elf) == ELFCLASS32
				    ? (uint32_t)self->entry.d_tag
				    : (uint64_t)self->entry.d_tag,
			    self->file->header.e_machine);
	else if (i == 2)
		result_number(context, self->entry.d_un.d_val);
	else if (i == 5)
		result_text(context, elf_dynamic_string(self->file, &self->dynamic, &self->entry));
}

const struct row_source elf_dynamic_entries_rows = {
	.name = "elf_dynamic_entries",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  tag TEXT, -- NEEDED, SONAME, RUNPATH, FLAGS, ...\n"
		   "  value INTEGER, -- a number, an address, or an offset in the string table\n",
	.more = "  text TEXT HIDDEN -- the string, where the value is an offset\n",
	.n_columns = 3,
	.n_more = 1,
	.rows = 28,
	.work = 28,
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
};
