/* interpreter.c - changing PT_INTERP of a file.
 *
 * The path of ld-stable beside the loader is shorter than the usual one, so that it goes where that
 * was: the file keeps its size and its layout, and tools that read ELF files see nothing unusual.
 */
#include "elf/interpreter.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <matr/object.h>

static bool is_elf(const Elf64_Ehdr *header)
{
	return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_machine == EM_X86_64 &&
	       header->e_phentsize == sizeof(Elf64_Phdr);
}

char *elf_interpreter(void *bytes, size_t size, size_t *room)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (size < sizeof header)
		return NULL;
	memcpy(&header, bytes, sizeof header);
	if (!is_elf(&header) || header.e_phoff > size ||
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

static bool read_at(int fd, void *out, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, out, size, (off_t)offset) == (ssize_t)size;
}

/* By read(2), not mmap(2): the file may shrink meanwhile. */
static bool read_interpreter(int fd, char interpreter[PATH_MAX])
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (!read_at(fd, &header, sizeof header, 0) || !is_elf(&header))
		return false;
	for (size_t i = 0; i < header.e_phnum; i++) {
		if (!read_at(fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment))
			return false;
		if (segment.p_type == PT_INTERP)
			return segment.p_filesz >= 2 && segment.p_filesz <= PATH_MAX &&
			       read_at(fd, interpreter, segment.p_filesz, segment.p_offset) &&
			       interpreter[segment.p_filesz - 1] == 0 && interpreter[0];
	}
	return false;
}

int matr_program_interpreter(const char *path, char interpreter[PATH_MAX], struct matr_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	interpreter[0] = 0;
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be read");
	bool found = read_interpreter(fd, interpreter);
	close(fd);
	if (!found)
		interpreter[0] = 0;
	return found;
}

bool elf_set_interpreter(char *interpreter, size_t room, const char *path)
{
	size_t length = strlen(path);

	if (length >= room)
		return false;
	memset(interpreter, 0, room);
	memcpy(interpreter, path, length);
	return true;
}
