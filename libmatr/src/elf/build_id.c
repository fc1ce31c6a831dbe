/* build_id.c - the NT_GNU_BUILD_ID note, found through PT_NOTE.
 *
 * Notes are read where ld-stable will read them: in the loaded segments. A note segment that is not
 * loaded (core files have such) is passed over: ld-stable could not compare it in memory.
 */
#include "elf/reader.h"

#include <string.h>

static uint64_t round_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* Look through the notes of one segment, up to one that does not lie in it: that is what padding
 * for another alignment looks like, since some linkers put notes of both in one segment. */
static int read_notes(struct elf_reader *reader, const struct matr_segment *segment)
{
	struct matr_object *object = reader->object;
	/* 8 for .note.gnu.property and the like, else 4 even if the header has 0 or 1 */
	uint64_t align = segment->align == 8 ? 8 : 4, at = 0;
	const unsigned char *bytes =
		elf_reader_at(reader, segment->vaddr, segment->file_size, "a PT_NOTE segment");
	Elf64_Nhdr note;

	if (!bytes)
		return -1;
	while (segment->file_size - at >= sizeof note) {
		memcpy(&note, bytes + at, sizeof note);
		/* Sizes are 32 bits wide, so that none of these sums can overflow. */
		uint64_t descriptor = at + round_up(sizeof note + note.n_namesz, align);
		uint64_t end = descriptor + note.n_descsz;
		if (end > segment->file_size)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
		    memcmp(bytes + at + sizeof note, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 &&
		    note.n_descsz > 0 && note.n_descsz <= MATR_BUILD_ID_MAX) {
			object->build_id.size = (uint8_t)note.n_descsz;
			memcpy(object->build_id.bytes, bytes + descriptor, note.n_descsz);
			object->build_id_vaddr = segment->vaddr + descriptor;
			return 0;
		}
		at = round_up(end, align);
		if (at > segment->file_size)
			break;
	}
	return 0;
}

int elf_read_build_id(struct elf_reader *reader)
{
	const struct matr_object *object = reader->object;
	uint64_t total = 0;

	for (size_t i = 0; i < object->n_segments && object->build_id.size == 0; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_NOTE ||
		    !elf_reader_segment(reader, segment->vaddr, segment->file_size))
			continue;
		/* Many note segments may all claim the same bytes: keep the work linear. */
		if (segment->file_size > reader->file_size - total)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "has more notes than the file has room for");
		total += segment->file_size;
		if (read_notes(reader, segment) != 0)
			return -1;
	}
	return 0;
}
