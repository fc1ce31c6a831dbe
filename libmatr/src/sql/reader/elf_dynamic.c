/* elf_dynamic.c - see elf_dynamic.h; and its table. */
#include "sql/reader/elf_dynamic.h"

#include "sql/reader/elf_names.h"
#include "sql/vtab/result.h"
#include "sql/vtab/table.h"

int elf_dynamic_open(struct elf_file *file, struct elf_dynamic *out, struct matr_error *err)
{
	GElf_Dyn entry;

	*out = (struct elf_dynamic){.section = elf_file_section(file, SHT_DYNAMIC)};
	if (!out->section)
		return 0;
	out->data = elf_file_data(file, out->section, ELF_T_DYN, err);
	if (!out->data)
		return -1;
	size_t n = out->data->d_size / gelf_fsize(file->elf, ELF_T_DYN, 1, EV_CURRENT);
	while (out->n < n && gelf_getdyn(out->data, (int)out->n, &entry)) {
		out->n++;
		if (entry.d_tag == DT_NULL)
			break;
	}
	return 0;
}

void elf_dynamic_get(const struct elf_dynamic *dynamic, size_t i, GElf_Dyn *out)
{
	*out = (GElf_Dyn){0};
	gelf_getdyn(dynamic->data, (int)i, out);
}

bool elf_dynamic_find(const struct elf_dynamic *dynamic, int64_t tag, GElf_Dyn *out)
{
	for (size_t i = 0; i < dynamic->n; i++) {
		elf_dynamic_get(dynamic, i, out);
		if (out->d_tag == tag)
			return true;
	}
	return false;
}

const char *elf_dynamic_string(struct elf_file *file, const struct elf_dynamic *dynamic,
			       const GElf_Dyn *entry)
{
	switch (entry->d_tag) {
	case DT_NEEDED:
	case DT_SONAME:
	case DT_RPATH:
	case DT_RUNPATH:
	case DT_AUXILIARY:
	case DT_FILTER:
	case DT_AUDIT:
	case DT_DEPAUDIT:
	case DT_CONFIG:
		return elf_file_string(file, file->sections[dynamic->section].header.sh_link,
				       entry->d_un.d_val);
	default:
		return NULL;
	}
}

/* ---- the table ---- */

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
