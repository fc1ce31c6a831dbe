/* dlopen_note.c - the notes about what an ELF file may load.
 *
 * The file is read through PT_NOTE, and only as far as that needs: this is done for every object of
 * a program.
 */
#include <matr/dlopen_note.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

enum {
	MAX_SEGMENTS = 256,  /* that are looked at */
	MAX_NOTES = 1 << 20, /* bytes of all PT_NOTE segments */
	MAX_LIST = 4096,
	NOTE_ALIGNMENT = 4,
};

static const char owner[4] = "FDO";

void matr_dlopen_notes_free(struct matr_dlopen_notes *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		free(notes->list[i]);
	free(notes->list);
	*notes = (struct matr_dlopen_notes){0};
}

static int add(struct matr_dlopen_notes *notes, size_t *capacity, const unsigned char *text,
	       size_t size, struct matr_error *err)
{
	if (array_reserve(&notes->list, capacity, notes->n + 1, sizeof *notes->list, err) != 0)
		return -1;
	char *copy = strndup((const char *)text, size);
	if (!copy)
		return matr_fail_memory(err);
	notes->list[notes->n++] = copy;
	return 0;
}

static uint64_t round_up(uint64_t n)
{
	return (n + NOTE_ALIGNMENT - 1) & ~(uint64_t)(NOTE_ALIGNMENT - 1);
}

/* Look through the notes of one segment, up to one that does not lie in it. */
static int read_notes(struct matr_dlopen_notes *notes, size_t *capacity, const unsigned char *bytes,
		      uint64_t size, struct matr_error *err)
{
	uint64_t at = 0;
	Elf64_Nhdr note;

	while (at < size && size - at >= sizeof note && notes->n < MAX_LIST) {
		memcpy(&note, bytes + at, sizeof note);
		/* Sizes are 32 bits wide, so that none of these sums can overflow. */
		uint64_t descriptor = at + round_up(sizeof note + note.n_namesz);
		uint64_t end = descriptor + note.n_descsz;
		if (end > size)
			return 0;
		if (note.n_type == MATR_NOTE_DLOPEN && note.n_namesz == sizeof owner &&
		    memcmp(bytes + at + sizeof note, owner, sizeof owner) == 0 &&
		    add(notes, capacity, bytes + descriptor, note.n_descsz, err) != 0)
			return -1;
		at = round_up(end);
	}
	return 0;
}

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static int read_file(int fd, struct matr_dlopen_notes *notes, struct matr_error *err)
{
	Elf64_Phdr segments[MAX_SEGMENTS];
	size_t capacity = 0;
	Elf64_Ehdr header;
	uint64_t total = 0;
	int result = 0;

	if (!read_at(fd, &header, sizeof header, 0) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_phentsize != sizeof *segments || header.e_phnum > MAX_SEGMENTS ||
	    !read_at(fd, segments, header.e_phnum * sizeof *segments, header.e_phoff))
		return 0;
	for (size_t i = 0; i < header.e_phnum && !result; i++) {
		/* Many may claim the same bytes: keep the work linear. */
		uint64_t size = segments[i].p_filesz;
		if (segments[i].p_type != PT_NOTE || !size || size > MAX_NOTES - total)
			continue;
		total += size;
		unsigned char *bytes = malloc(size);
		if (!bytes)
			return matr_fail_memory(err);
		if (read_at(fd, bytes, size, segments[i].p_offset))
			result = read_notes(notes, &capacity, bytes, size, err);
		free(bytes);
	}
	return result;
}

int matr_dlopen_notes(const char *path, struct matr_dlopen_notes *out, struct matr_error *err)
{
	struct stat status;

	*out = (struct matr_dlopen_notes){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be read");
	int result =
		fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? read_file(fd, out, err) : 0;
	close(fd);
	if (result != 0)
		matr_dlopen_notes_free(out);
	return result;
}
