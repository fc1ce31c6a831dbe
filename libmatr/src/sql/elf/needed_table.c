/* elf_needed_table.c - the table elf_needed: DT_NEEDED, and where ld.so would find it. */
#include <stdlib.h>

#include "sql/reader/elf_dynamic.h"
#include "sql/reader/libraries.h"
#include "sql/vtab/result.h"
#include "sql/vtab/table.h"

struct state {
	struct row_state base;
	struct elf_file *file;
	struct elf_dynamic dynamic;
	size_t at; /* in the dynamic section */
	const char *name;
	struct needed_library *list; /* NULL: not asked for */
	size_t n, next;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	self->file = file;
	if (elf_dynamic_open(file, &self->dynamic, NULL) < 0)
		return 0; /* a file of debugging information */
	/* The search costs something: only for whoever wants to know, and not of foreign files. */
	if (filter->columns & ~UINT64_C(3) && file->header.e_machine == EM_X86_64 &&
	    file->header.e_ident[EI_CLASS] == ELFCLASS64 && self->dynamic.section)
		return libraries_needed(file->libraries, file, &self->list, &self->n, err);
	return 0;
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;
	GElf_Dyn entry;

	while (self->at < self->dynamic.n) {
		elf_dynamic_get(&self->dynamic, self->at++, &entry);
		if (entry.d_tag != DT_NEEDED)
			continue;
		self->name = elf_dynamic_string(self->file, &self->dynamic, &entry);
		if (!self->name)
			return matr_fail(err, MATR_ERROR_MALFORMED, self->file->path,
					 "a DT_NEEDED entry has no string");
		self->base.row = self->next++;
		return 1;
	}
	return 0;
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct needed_library *library =
		self->base.row < self->n ? &self->list[self->base.row] : NULL;

	if (i == 1)
		result_text(context, self->name);
	else if (library && i == 2)
		result_text(context, library->found);
	else if (library && i == 3)
		result_text(context, library->rule);
	else if (library && i == 4)
		result_text(context, library->canonical);
}

static void finish(void *state)
{
	struct state *self = state;
	needed_free(self->list, self->n);
}

const struct row_source elf_needed_rows = {
	.name = "elf_needed",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  name TEXT, -- as DT_NEEDED has it\n"
		   "  found TEXT, -- where ld.so would find it; NULL: nowhere\n"
		   "  rule TEXT, -- how: RPATH, RUNPATH, CACHE, DEFAULT, PATH, INTERPRETER\n"
		   "  library TEXT, -- the file found, without symbolic links\n",
	.more = "",
	.n_columns = 5,
	.rows = 5,
	.work = 200,
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
	.finish = finish,
};
