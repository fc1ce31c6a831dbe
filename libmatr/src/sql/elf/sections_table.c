/* sections_table.c - the tables elf_sections and elf_segments. */
#include <stdlib.h>

#include "sql/elf/tables.h"
#include "sql/reader/elf_file.h"
#include "sql/reader/elf_names.h"
#include "sql/vtab/result.h"

struct state {
	struct row_state base;
	struct elf_file *file;
	const struct filter *filter;
	size_t at;
	GElf_Phdr segment;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	(void)err;
	self->file = file;
	self->filter = filter;
	return 0;
}

/* ---- sections ---- */

enum {
	NAME = 1,
	OFFSET,
	SIZE,
	TYPE,
	CONTENT,
	N_COLUMNS,
	ADDRESS = N_COLUMNS + 2,
	FLAGS,
	LINK,
	INFO,
	ALIGNMENT,
	ENTRY_SIZE,
	NUMBER
};

static int next_section(void *state, struct matr_error *err)
{
	struct state *self = state;

	(void)err;
	while (!self->file->made_up && self->at < self->file->n_sections) {
		self->base.row = self->at++;
		if (!filter_excludes(self->filter, NAME, self->file->sections[self->base.row].name))
			return 1;
	}
	return 0;
}

/* Bytes as stored: compressed sections stay compressed. */
static void result_content(sqlite3_context *context, struct elf_file *file, size_t section)
{
	const GElf_Shdr *header = &file->sections[section].header;
	struct matr_error err = {0};

	if (header->sh_type == SHT_NOBITS || header->sh_type == SHT_NULL || header->sh_size == 0) {
		sqlite3_result_zeroblob(context, 0);
		return;
	}
	if (header->sh_offset > file->id.size ||
	    header->sh_size > file->id.size - header->sh_offset)
		return; /* not there: NULL */
	if (header->sh_size > INT32_MAX) {
		sqlite3_result_error_toobig(context);
		return;
	}
	void *bytes = malloc(header->sh_size);
	if (!bytes) {
		sqlite3_result_error_nomem(context);
		return;
	}
	if (elf_file_read(file, header->sh_offset, bytes, header->sh_size, &err) ==
	    (int64_t)header->sh_size)
		sqlite3_result_blob64(context, bytes, header->sh_size, free);
	else
		free(bytes);
}

static void column_section(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct elf_section *section = &self->file->sections[self->base.row];
	const GElf_Shdr *header = &section->header;

	switch (i) {
	case NAME:
		result_text(context, section->name);
		break;
	case OFFSET:
		result_number(context, header->sh_offset);
		break;
	case SIZE:
		result_number(context, header->sh_size);
		break;
	case TYPE:
		result_name(context, NAMES_SHT, header->sh_type, self->file->header.e_machine);
		break;
	case CONTENT:
		result_content(context, self->file, self->base.row);
		break;
	case ADDRESS:
		result_number(context, header->sh_addr);
		break;
	case FLAGS:
		result_number(context, header->sh_flags);
		break;
	case LINK:
		result_number(context, header->sh_link);
		break;
	case INFO:
		result_number(context, header->sh_info);
		break;
	case ALIGNMENT:
		result_number(context, header->sh_addralign);
		break;
	case ENTRY_SIZE:
		result_number(context, header->sh_entsize);
		break;
	case NUMBER:
		result_number(context, self->base.row);
		break;
	default:
		break;
	}
}

const struct row_source elf_sections_rows = {
	.name = "elf_sections",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  name TEXT, -- .text, .dynsym, ...\n"
		   "  offset INTEGER, -- where it is in the file\n"
		   "  size INTEGER, -- bytes\n"
		   "  type TEXT, -- PROGBITS, DYNSYM, NOBITS, ...\n"
		   "  content BLOB, -- what the file holds, compressed sections as they are\n",
	.more = "  address INTEGER HIDDEN, -- where it is in memory\n"
		"  flags INTEGER HIDDEN, -- 1 writable, 2 in memory, 4 executable, ...\n"
		"  link INTEGER HIDDEN, -- number of a section it refers to\n"
		"  info INTEGER HIDDEN, -- sh_info\n"
		"  alignment INTEGER HIDDEN, -- bytes\n"
		"  entry_size INTEGER HIDDEN, -- bytes per entry, of a table\n"
		"  number INTEGER HIDDEN -- index in the section header table\n",
	.n_columns = N_COLUMNS,
	.n_more = 7,
	.rows = 32,
	.work = 32,
	.keys = {{.column = NAME, .rows = 1, .work = 10}},
	.state_size = sizeof(struct state),
	.start = start,
	.next = next_section,
	.column = column_section,
};

/* ---- segments ---- */

static int next_segment(void *state, struct matr_error *err)
{
	struct state *self = state;

	if (self->at >= self->file->n_segments)
		return 0;
	self->base.row = self->at++;
	if (!gelf_getphdr(self->file->elf, (int)self->base.row, &self->segment))
		return matr_fail(err, MATR_ERROR_MALFORMED, self->file->path,
				 "program header %zu: %s", (size_t)self->base.row, elf_errmsg(-1));
	return 1;
}

static void column_segment(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const GElf_Phdr *segment = &self->segment;
	char permissions[4] = "---";

	switch (i) {
	case 1:
		result_name(context, NAMES_PT, segment->p_type, self->file->header.e_machine);
		break;
	case 2:
		if (segment->p_flags & PF_R)
			permissions[0] = 'r';
		if (segment->p_flags & PF_W)
			permissions[1] = 'w';
		if (segment->p_flags & PF_X)
			permissions[2] = 'x';
		result_text(context, permissions);
		break;
	case 3:
		result_number(context, segment->p_offset);
		break;
	case 4:
		result_number(context, segment->p_vaddr);
		break;
	case 5:
		result_number(context, segment->p_paddr);
		break;
	case 6:
		result_number(context, segment->p_filesz);
		break;
	case 7:
		result_number(context, segment->p_memsz);
		break;
	case 8:
		result_number(context, segment->p_align);
		break;
	case 9:
		result_number(context, segment->p_flags);
		break;
	default:
		break;
	}
}

const struct row_source elf_segments_rows = {
	.name = "elf_segments",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  type TEXT, -- LOAD, DYNAMIC, GNU_STACK, GNU_RELRO, ...\n"
		   "  permissions TEXT, -- r-x, rw-, ...\n"
		   "  offset INTEGER, -- where it is in the file\n"
		   "  address INTEGER, -- where it is in memory\n"
		   "  physical_address INTEGER, -- p_paddr\n"
		   "  file_size INTEGER, -- bytes in the file\n"
		   "  memory_size INTEGER, -- bytes in memory\n"
		   "  alignment INTEGER, -- bytes\n"
		   "  flags INTEGER, -- 1 executable, 2 writable, 4 readable\n",
	.more = "",
	.n_columns = 10,
	.rows = 12,
	.work = 12,
	.state_size = sizeof(struct state),
	.start = start,
	.next = next_segment,
	.column = column_segment,
};
