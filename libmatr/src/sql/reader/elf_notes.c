/* elf_notes.c - the notes of a file. */
#include "sql/reader/elf_notes.h"

#include <string.h>

static int next_section(struct elf_notes *notes, struct matr_error *err)
{
	const GElf_Shdr *header;

	do {
		if (notes->section + 1 >= notes->file->n_sections)
			return 0;
		header = &notes->file->sections[++notes->section].header;
	} while (header->sh_type != SHT_NOTE || header->sh_size == 0);
	notes->data = elf_file_data(notes->file, notes->section,
				    header->sh_addralign == 8 ? ELF_T_NHDR8 : ELF_T_NHDR, err);
	notes->at = 0;
	return notes->data ? 1 : -1;
}

int elf_notes_next(struct elf_notes *notes, struct matr_error *err)
{
	size_t name, description;
	GElf_Nhdr header;

	while (!notes->data || notes->at >= notes->data->d_size) {
		int result = next_section(notes, err);
		if (result <= 0)
			return result;
	}
	size_t next = gelf_getnote(notes->data, notes->at, &header, &name, &description);
	const char *bytes = notes->data->d_buf;
	if (next == 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, notes->file->path,
				 "section %zu (%s): a note does not lie within it", notes->section,
				 notes->file->sections[notes->section].name);
	notes->type = header.n_type;
	notes->owner = header.n_namesz && !bytes[name + header.n_namesz - 1] ? bytes + name : "";
	notes->description = (const uint8_t *)bytes + description;
	notes->size = header.n_descsz;
	notes->offset = notes->file->sections[notes->section].header.sh_offset + notes->at;
	notes->at = next;
	return 1;
}

void elf_note_hex(char *text, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = 0;
}

int elf_build_id(struct elf_file *file, char text[2 * MATR_BUILD_ID_MAX + 1],
		 struct matr_error *err)
{
	struct elf_notes notes = {.file = file};
	int result;

	while ((result = elf_notes_next(&notes, err)) > 0)
		if (notes.type == NT_GNU_BUILD_ID && strcmp(notes.owner, ELF_NOTE_GNU) == 0 &&
		    notes.size && notes.size <= MATR_BUILD_ID_MAX) {
			elf_note_hex(text, notes.description, notes.size);
			return 1;
		}
	return result;
}
