/* build_id.c - the GNU build-id among an object's notes (gABI chapter 5, "Note Section"). */
#include <elf.h>
#include <string.h>

#include "elf_file.h"

static uint64_t align_up(uint64_t size, uint64_t align)
{
	return (size + align - 1) & ~(align - 1);
}

/* Notes that make no sense end the search: ld.so does not care about them either. */
static void search_notes(struct elf_file *file, const struct matr_segment *segment)
{
	uint64_t align = segment->align == 8 ? 8 : 4, at = 0;
	const unsigned char *bytes = elf_file_at(file, segment->vaddr, segment->file_size);
	Elf64_Nhdr note;

	while (bytes && segment->file_size - at >= sizeof note) {
		memcpy(&note, bytes + at, sizeof note);
		uint64_t name = at + sizeof note;
		uint64_t descriptor = name + align_up(note.n_namesz, align);
		uint64_t end = descriptor + align_up(note.n_descsz, align);
		if (descriptor + note.n_descsz > segment->file_size)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(bytes + name, "GNU", 4) && note.n_descsz &&
		    note.n_descsz <= MATR_BUILD_ID_MAX) {
			file->object->build_id.size = (uint8_t)note.n_descsz;
			memcpy(file->object->build_id.bytes, bytes + descriptor, note.n_descsz);
			file->object->build_id_vaddr = segment->vaddr + descriptor;
			return;
		}
		if (end > segment->file_size)
			return;
		at = end;
	}
}

void read_build_id(struct elf_file *file)
{
	for (size_t i = 0; i < file->object->n_segments && !file->object->build_id.size; i++) {
		if (file->object->segments[i].type == PT_NOTE)
			search_notes(file, &file->object->segments[i]);
	}
}
