/* versions_table.c - the tables elf_version_requirements and elf_version_definitions. */
#include <stdlib.h>

#include "sql/elf/tables.h"
#include "sql/reader/elf_versions.h"

struct state {
	struct row_state base;
	struct elf_version *list;
	size_t n, at;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	(void)filter;
	return elf_versions_read(file, &self->list, &self->n, err);
}

static int next(struct state *self, bool needed)
{
	for (; self->at < self->n; self->at++)
		if ((self->list[self->at].file != NULL) == needed) {
			self->base.row = self->at++;
			return 1;
		}
	return 0;
}

static int next_need(void *state, struct matr_error *err)
{
	(void)err;
	return next(state, true);
}

static int next_definition(void *state, struct matr_error *err)
{
	(void)err;
	return next(state, false);
}

static void column_need(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct elf_version *version = &self->list[self->base.row];

	if (i == 1)
		sqlite3_result_text(context, version->file, -1, SQLITE_TRANSIENT);
	else if (i == 2)
		sqlite3_result_text(context, version->name, -1, SQLITE_TRANSIENT);
	else if (i == 5)
		sqlite3_result_int(context, version->flags);
}

static void column_definition(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct elf_version *version = &self->list[self->base.row];

	if (i == 1)
		sqlite3_result_text(context, version->name, -1, SQLITE_TRANSIENT);
	else if (i == 2)
		sqlite3_result_int(context, version->flags);
}

static void finish(void *state)
{
	struct state *self = state;
	free(self->list);
}

const struct row_source elf_version_requirements_rows = {
	.name = "elf_version_requirements",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  file TEXT, -- soname of the library that has to have the version\n"
		   "  name TEXT, -- the version\n",
	.more = "  flags INTEGER HIDDEN -- 2: weak\n",
	.n_columns = 3,
	.n_more = 1,
	.rows = 8,
	.work = 8,
	.state_size = sizeof(struct state),
	.start = start,
	.next = next_need,
	.column = column_need,
	.finish = finish,
};

const struct row_source elf_version_definitions_rows = {
	.name = "elf_version_definitions",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  name TEXT, -- the version\n"
		   "  flags INTEGER, -- 1: the name of the file itself, 2: weak\n",
	.more = "",
	.n_columns = 3,
	.rows = 3,
	.work = 3,
	.state_size = sizeof(struct state),
	.start = start,
	.next = next_definition,
	.column = column_definition,
	.finish = finish,
};
