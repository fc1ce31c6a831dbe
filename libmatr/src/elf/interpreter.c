/* interpreter.c - see interpreter.h.
 *
 * The path of ld-stable beside the loader is shorter than the usual one, so that it goes where that was: the file keeps
 * its size and its layout, and no tool that reads ELF files has anything to get used to.
 */
#include "elf/interpreter.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

char *program_interpreter(void *bytes, size_t size, size_t *room)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (size < sizeof header)
		return NULL;
	memcpy(&header, bytes, sizeof header);
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64 ||
	    header.e_phentsize != sizeof segment || header.e_phoff > size ||
	    header.e_phnum > (size - header.e_phoff) / sizeof segment)
		return NULL;
	for (size_t i = 0; i < header.e_phnum; i++) {
		memcpy(&segment, (char *)bytes + header.e_phoff + i * sizeof segment,
		       sizeof segment);
		if (segment.p_type != PT_INTERP)
			continue;
		if (segment.p_filesz < 2 || segment.p_offset > size ||
		    segment.p_filesz > size - segment.p_offset)
			return NULL;
		char *path = (char *)bytes + segment.p_offset;
		*room = segment.p_filesz;
		return path[*room - 1] == 0 ? path : NULL;
	}
	return NULL;
}

bool program_set_interpreter(char *interpreter, size_t room, const char *path)
{
	size_t length = strlen(path);

	if (length >= room)
		return false;
	memset(interpreter, 0, room);
	memcpy(interpreter, path, length);
	return true;
}
