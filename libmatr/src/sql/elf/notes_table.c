/* notes_table.c - the table elf_notes. */
#include <stdio.h>
#include <string.h>

#include "sql/elf/tables.h"
#include "sql/reader/elf_notes.h"
#include "sql/vtab/result.h"

/* ---- contents of notes ---- */

static bool is_gnu(const struct elf_notes *notes)
{
	return strcmp(notes->owner, ELF_NOTE_GNU) == 0;
}

enum { NT_PACKAGE = 0xcafe1a7e, NT_DLOPEN = 0x407c0c0a };

static const char *type_name(const struct elf_notes *notes)
{
	if (is_gnu(notes)) {
		static const char *const names[] = {
			[NT_GNU_ABI_TAG] = "ABI_TAG",
			[NT_GNU_HWCAP] = "HWCAP",
			[NT_GNU_BUILD_ID] = "BUILD_ID",
			[NT_GNU_GOLD_VERSION] = "GOLD_VERSION",
			[NT_GNU_PROPERTY_TYPE_0] = "PROPERTY_TYPE_0",
		};
		if (notes->type < sizeof names / sizeof *names)
			return names[notes->type];
	}
	if (strcmp(notes->owner, "FDO") == 0 && notes->type == NT_PACKAGE)
		return "PACKAGING_METADATA";
	if (strcmp(notes->owner, "FDO") == 0 && notes->type == NT_DLOPEN)
		return "DLOPEN_METADATA";
	if (strcmp(notes->owner, "stapsdt") == 0 && notes->type == 3)
		return "STAPSDT";
	return NULL;
}

static uint32_t word(const struct elf_notes *notes, size_t offset)
{
	const uint8_t *at = notes->description + offset;

	if (notes->file->header.e_ident[EI_DATA] == ELFDATA2MSB)
		return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void add_bits(sqlite3_str *text, uint32_t bits, const char *const *names, size_t n)
{
	const char *separator = "";

	for (size_t i = 0; i < 32; i++) {
		if (!(bits >> i & 1))
			continue;
		if (i < n)
			sqlite3_str_appendf(text, "%s%s", separator, names[i]);
		else
			sqlite3_str_appendf(text, "%s0x%x", separator, 1u << i);
		separator = ", ";
	}
	if (!bits)
		sqlite3_str_appendall(text, "none");
}

/* psABI "Program Property"; one property. */
static void add_property(sqlite3_str *text, const struct elf_notes *notes, uint32_t type,
			 size_t offset, size_t size)
{
	static const char *const x86_features[] = {"IBT", "SHSTK", "LAM_U48", "LAM_U57"},
				 *const levels[] = {"x86-64-baseline", "x86-64-v2", "x86-64-v3",
						    "x86-64-v4"},
				 *const aarch64_features[] = {"BTI", "PAC", "GCS"};
	unsigned machine = notes->file->header.e_machine;
	bool x86 = machine == EM_X86_64 || machine == EM_386 || machine == EM_IAMCU;

	if (x86 && size == 4 && type == 0xc0000002) {
		sqlite3_str_appendall(text, "x86 feature: ");
		add_bits(text, word(notes, offset), x86_features, 4);
	} else if (x86 && size == 4 && (type == 0xc0008002 || type == 0xc0010002)) {
		sqlite3_str_appendf(text, "x86 ISA %s: ", type == 0xc0008002 ? "needed" : "used");
		add_bits(text, word(notes, offset), levels, 4);
	} else if (machine == EM_AARCH64 && size == 4 && type == 0xc0000000) {
		sqlite3_str_appendall(text, "AArch64 feature: ");
		add_bits(text, word(notes, offset), aarch64_features, 3);
	} else if (type == 1) {
		uint64_t bytes = size >= 4 ? word(notes, offset) : 0;
		if (size == 8 && notes->file->header.e_ident[EI_DATA] == ELFDATA2LSB)
			bytes |= (uint64_t)word(notes, offset + 4) << 32;
		else if (size == 8)
			bytes = bytes << 32 | word(notes, offset + 4);
		sqlite3_str_appendf(text, "stack size: 0x%llx", (unsigned long long)bytes);
	} else if (type == 2) {
		sqlite3_str_appendall(text, "no copy on protected");
	} else {
		sqlite3_str_appendf(text, "0x%x:", type);
		for (size_t i = 0; i < size && i < 64; i++)
			sqlite3_str_appendf(text, " %02x", notes->description[offset + i]);
	}
}

static void add_properties(sqlite3_str *text, const struct elf_notes *notes)
{
	size_t align = gelf_getclass(notes->file->elf) == ELFCLASS64 ? 8 : 4, at = 0;

	while (notes->size >= 8 && at <= notes->size - 8) {
		uint32_t type = word(notes, at), size = word(notes, at + 4);
		at += 8;
		if (size > notes->size - at) {
			sqlite3_str_appendall(text, "malformed");
			return;
		}
		if (at > 8)
			sqlite3_str_appendall(text, "; ");
		add_property(text, notes, type, at, size);
		at += (size + align - 1) / align * align;
	}
}

static void result_meaning(sqlite3_context *context, const struct elf_notes *notes)
{
	static const char *const systems[] = {"Linux", "GNU", "Solaris", "FreeBSD", "NetBSD"};

	if (is_gnu(notes) && notes->type == NT_GNU_BUILD_ID && notes->size <= MATR_BUILD_ID_MAX) {
		char hex[2 * MATR_BUILD_ID_MAX + 1];
		elf_note_hex(hex, notes->description, notes->size);
		result_text(context, hex);
	} else if (is_gnu(notes) && notes->type == NT_GNU_ABI_TAG && notes->size >= 16) {
		uint32_t system = word(notes, 0);
		char text[64];
		snprintf(text, sizeof text, "%s %u.%u.%u",
			 system < sizeof systems / sizeof *systems ? systems[system] : "unknown",
			 word(notes, 4), word(notes, 8), word(notes, 12));
		result_text(context, text);
	} else if (is_gnu(notes) && notes->type == NT_GNU_PROPERTY_TYPE_0) {
		sqlite3_str *text = sqlite3_str_new(sqlite3_context_db_handle(context));
		add_properties(text, notes);
		sqlite3_result_text(context, sqlite3_str_finish(text), -1, sqlite3_free);
	} else if (strcmp(notes->owner, "FDO") == 0 ||
		   (is_gnu(notes) && notes->type == NT_GNU_GOLD_VERSION)) {
		const char *text = (const char *)notes->description;
		sqlite3_result_text64(context, text, strnlen(text, notes->size), SQLITE_TRANSIENT,
				      SQLITE_UTF8);
	}
}

/* ---- the table ---- */

struct state {
	struct row_state base;
	struct elf_notes notes;
};

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;

	(void)filter;
	(void)err;
	self->notes.file = file;
	return 0;
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;
	int result = elf_notes_next(&self->notes, err);

	self->base.row = self->notes.offset;
	return result;
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct elf_notes *notes = &((struct state *)state)->notes;
	const char *type;
	char number[16];

	switch (i) {
	case 1:
		result_text(context, notes->file->sections[notes->section].name);
		break;
	case 2:
		result_text(context, notes->owner);
		break;
	case 3:
		type = type_name(notes);
		snprintf(number, sizeof number, "0x%x", notes->type);
		result_text(context, type ? type : number);
		break;
	case 4:
		result_meaning(context, notes);
		break;
	case 5:
		sqlite3_result_blob64(context, notes->description, notes->size, SQLITE_TRANSIENT);
		break;
	default:
		break;
	}
}

const struct row_source elf_notes_rows = {
	.name = "elf_notes",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  section TEXT, -- .note.gnu.build-id, ...\n"
		   "  owner TEXT, -- GNU, FDO, stapsdt, ...: whose types they are\n"
		   "  type TEXT, -- BUILD_ID, ABI_TAG, PROPERTY_TYPE_0, PACKAGING_METADATA, ...\n"
		   "  value TEXT, -- what it says: the build-id, properties, JSON; NULL: unknown\n"
		   "  description BLOB, -- its bytes\n",
	.more = "",
	.n_columns = 6,
	.rows = 3,
	.work = 8,
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
};
