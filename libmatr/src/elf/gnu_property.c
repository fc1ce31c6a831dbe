/* gnu_property.c - the GNU properties of a file that ld.so acts on.
 *
 * Versions of glibc differ in what they read: the last PT_NOTE that is aligned to 8 (2.36),
 * PT_GNU_PROPERTY too (2.41), any alignment (2.43). So what any of them asks for counts: a program
 * whose ld.so does not ask for it is started plainly. Linkers give all of them the same note.
 * Two property notes in a segment cancel each other, and a damaged one has no properties.
 */
#include "elf/isa.h"
#include "elf/reader.h"

#include <string.h>

enum {
	PROPERTY_1_NEEDED = 0xb0008000,
	PROPERTY_X86_ISA_1_NEEDED = 0xc0008002,
	NEEDED_INDIRECT_EXTERN_ACCESS = 1,
	ALIGNMENT = 8,
};

struct properties {
	uint32_t needed, isa;
};

static uint64_t round_up(uint64_t n)
{
	return (n + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

static uint32_t word_at(const unsigned char *bytes, uint64_t at)
{
	uint32_t word;

	memcpy(&word, bytes + at, sizeof word);
	return word;
}

/* Properties ascend by type. Returns false if ld.so would give up at the note. */
static bool read_properties(const unsigned char *bytes, uint64_t size, struct properties *out)
{
	uint32_t last = 0;

	if (size < 8 || size % ALIGNMENT != 0)
		return false;
	for (uint64_t at = 0; size - at >= 8;) {
		uint32_t type = word_at(bytes, at), length = word_at(bytes, at + 4);
		at += 8;
		if (type < last || length > size - at)
			return false;
		if (type > PROPERTY_X86_ISA_1_NEEDED)
			return true;
		if (type == PROPERTY_1_NEEDED || type == PROPERTY_X86_ISA_1_NEEDED) {
			if (length != sizeof(uint32_t))
				return false;
			*(type == PROPERTY_1_NEEDED ? &out->needed : &out->isa) =
				word_at(bytes, at);
		}
		last = type;
		at += round_up(length);
		if (at > size)
			return true;
	}
	return true;
}

static bool is_property_note(const unsigned char *bytes, const Elf64_Nhdr *note)
{
	return note->n_type == NT_GNU_PROPERTY_TYPE_0 && note->n_namesz == sizeof ELF_NOTE_GNU &&
	       memcmp(bytes + sizeof *note, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0;
}

/* Returns false if there are no properties that count. */
static bool read_notes(const unsigned char *bytes, uint64_t size, struct properties *out)
{
	bool found = false;
	Elf64_Nhdr note;

	for (uint64_t at = 0; at < size && size - at > sizeof note;) {
		memcpy(&note, bytes + at, sizeof note);
		uint64_t descriptor = at + round_up(sizeof note + note.n_namesz);
		if (descriptor + note.n_descsz > size)
			return false;
		if (is_property_note(bytes + at, &note)) {
			if (found || !read_properties(bytes + descriptor, note.n_descsz, out))
				return false;
			found = true;
		}
		at = round_up(descriptor + note.n_descsz);
	}
	return found;
}

static int read_segment(struct elf_reader *reader, const struct matr_segment *segment)
{
	struct matr_object *object = reader->object;
	struct properties properties = {0};

	if (!elf_reader_segment(reader, segment->vaddr, segment->file_size))
		return 0;
	const unsigned char *bytes =
		elf_reader_at(reader, segment->vaddr, segment->file_size, "a PT_NOTE segment");
	if (!bytes)
		return -1;
	if (!read_notes(bytes, segment->file_size, &properties))
		return 0;
	if (properties.needed & NEEDED_INDIRECT_EXTERN_ACCESS)
		object->flags |= MATR_OBJECT_INDIRECT_EXTERN;
	object->flags |= elf_isa_flags(properties.isa);
	return 0;
}

int elf_read_properties(struct elf_reader *reader)
{
	struct matr_object *object = reader->object;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if ((segment->type == PT_NOTE || segment->type == PT_GNU_PROPERTY) &&
		    read_segment(reader, segment) < 0)
			return -1;
	}
	return 0;
}
