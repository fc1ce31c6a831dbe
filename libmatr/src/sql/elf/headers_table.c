/* headers_table.c - one row per file. */
#include "sql/elf/tables.h"
#include "sql/vtab/result.h"

struct headers {
	struct row_state base;
	struct elf_file *file;
	bool done;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct headers *headers = state;

	(void)filter;
	(void)err;
	headers->file = file;
	return 0;
}

static int next(void *state, struct matr_error *err)
{
	struct headers *headers = state;

	(void)err;
	if (headers->done)
		return 0;
	headers->done = true;
	return 1;
}

static bool has_segment(struct elf_file *file, uint32_t type)
{
	GElf_Phdr segment;

	for (size_t i = 0; i < file->n_segments; i++)
		if (gelf_getphdr(file->elf, (int)i, &segment) && segment.p_type == type)
			return true;
	return false;
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct headers *headers = state;
	const GElf_Ehdr *header = &headers->file->header;

	switch (i) {
	case 1:
		result_name(context, NAMES_ET, header->e_type, header->e_machine);
		break;
	case 2:
		result_name(context, NAMES_EM, header->e_machine, header->e_machine);
		break;
	case 3:
		result_name(context, NAMES_EV, header->e_version, header->e_machine);
		break;
	case 4:
		sqlite3_result_int64(context, (sqlite3_int64)header->e_entry);
		break;
	case 5:
		/* As LIEF has it: position-independent, and made to be started. */
		sqlite3_result_int(context, header->e_type == ET_DYN &&
						    has_segment(headers->file, PT_INTERP));
		break;
	case 8:
		sqlite3_result_int(context, header->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32);
		break;
	case 9:
		sqlite3_result_text(context,
				    header->e_ident[EI_DATA] == ELFDATA2MSB ? "MSB" : "LSB", -1,
				    SQLITE_STATIC);
		break;
	case 10:
		result_name(context, NAMES_ELFOSABI, header->e_ident[EI_OSABI], header->e_machine);
		break;
	case 11:
		sqlite3_result_int64(context, header->e_flags);
		break;
	default:
		break;
	}
}

const struct row_source elf_headers_rows = {
	.name = "elf_headers",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  type TEXT, -- EXEC, DYN, REL, CORE\n"
		   "  machine TEXT, -- x86_64, AARCH64, 386, S390, ...\n"
		   "  version TEXT, -- CURRENT\n"
		   "  entry INTEGER, -- address of the entry point\n"
		   "  is_pie INTEGER, -- 1: position-independent program\n",
	.more = "  class INTEGER HIDDEN, -- 32 or 64\n"
		"  byte_order TEXT HIDDEN, -- LSB (little-endian) or MSB\n"
		"  os_abi TEXT HIDDEN, -- NONE, GNU, ...\n"
		"  flags INTEGER HIDDEN -- e_flags\n",
	.n_columns = 6,
	.n_more = 4,
	.rows = 1,
	.work = 1,
	.state_size = sizeof(struct headers),
	.start = start,
	.next = next,
	.column = column,
};
