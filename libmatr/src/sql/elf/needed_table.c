/* needed_table.c - the table elf_needed: DT_NEEDED, and where ld.so would find it. */
#include "sql/elf/tables.h"
#include "sql/reader/elf_dynamic.h"
#include "sql/reader/libraries.h"
#include "sql/vtab/result.h"

struct state {
	struct row_state base;
	struct elf_file *file;
	struct elf_dynamic dynamic;
	size_t at; /* in the dynamic section */
	const char *name;
	struct matr_libraries libraries; /* empty: not asked for */
	size_t next;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	self->file = file;
	if (elf_dynamic_open(file, &self->dynamic, NULL) < 0)
		return 0; /* a file of debugging information */
	/* The search is expensive: skip it unless the column is asked for, and for files of
	 * other machines. */
	if (filter->columns & ~UINT64_C(3) && file->header.e_machine == EM_X86_64 &&
	    file->header.e_ident[EI_CLASS] == ELFCLASS64 && self->dynamic.section)
		return libraries_find(file->session, file, &self->libraries, err);
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

static const char *rule_name(enum matr_search_rule rule)
{
	static const char *const names[MATR_FOUND_RULES] = {
		[MATR_FOUND_APPLICATION] = "APPLICATION",
		[MATR_FOUND_PRELOAD] = "PRELOAD",
		[MATR_FOUND_PATH] = "PATH",
		[MATR_FOUND_RPATH] = "RPATH",
		[MATR_FOUND_RUNPATH] = "RUNPATH",
		[MATR_FOUND_CACHE] = "CACHE",
		[MATR_FOUND_DEFAULT] = "DEFAULT",
		[MATR_FOUND_INTERPRETER] = "INTERPRETER",
	};
	return names[rule];
}

/* The library that the row's entry leads to; NULL: none was found, or it was not asked for. */
static const struct matr_library *library_of(const struct state *self)
{
	if (self->base.row >= self->libraries.n_needed)
		return NULL;
	uint32_t found = self->libraries.needed[self->base.row].library;
	return found == MATR_LIBRARY_NOT_FOUND ? NULL : &self->libraries.list[found];
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct matr_library *library = library_of(self);

	if (i == 1)
		result_text(context, self->name);
	else if (library && i == 2)
		result_text(context, library->path);
	else if (library && i == 3)
		result_text(context, rule_name(library->rule));
	else if (library && i == 4)
		result_text(context, library->canonical);
}

static void finish(void *state)
{
	struct state *self = state;
	matr_libraries_free(&self->libraries);
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
