/* reader.c - the bytes of an ELF file, by offset and by virtual address.
 *
 * libelf does the reading (elf_getdata_rawchunk); it keeps every chunk until elf_end(). Whole
 * tables are asked for in one chunk. Single words (the PLT slots, the words that DT_RELR names,
 * tables of unknown length) come from windows of 64 KiB, each read once, so that a hostile file
 * cannot make us hold more than about its own size however often it sends us to and fro.
 *
 * The file is read rather than mapped: a file truncated while we look at it must not kill us.
 */
#include "elf/reader.h"

#include "base/file_id.h"
#include "base/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 64 * 1024 };

/* Kind of file at a path, for the message, if it cannot hold an ELF file. */
static const char *kind_of_file(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFIFO:
		return "a fifo";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "a special file";
	}
}

static int check_kind(struct elf_reader *reader, const struct stat *status)
{
	if (S_ISREG(status->st_mode))
		return 0;
	if (S_ISDIR(status->st_mode)) {
		errno = EISDIR;
		return matr_fail_errno(reader->err, reader->path, "cannot be read");
	}
	return matr_fail(reader->err, MATR_ERROR_NOT_ELF, reader->path, "is %s, not a regular file",
			 kind_of_file(status->st_mode));
}

static int open_file(struct elf_reader *reader)
{
	struct stat status;

	/* Looked at before it is opened, because opening a device may do something; opened without
	 * blocking, because by then it may have become a fifo. */
	if (stat(reader->path, &status) != 0)
		return matr_fail_errno(reader->err, reader->path, "cannot be opened");
	if (check_kind(reader, &status) != 0)
		return -1;
	reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (reader->fd < 0)
		return matr_fail_errno(reader->err, reader->path, "cannot be opened");
	if (fstat(reader->fd, &status) != 0)
		return matr_fail_errno(reader->err, reader->path, "cannot be read");
	if (check_kind(reader, &status) != 0)
		return -1;
	reader->file_size = (uint64_t)status.st_size;
	reader->object->file = file_id_of(&status);
	return 0;
}

/* The bytes are consistent only if no process wrote to the file meanwhile. */
int elf_reader_check_unchanged(struct elf_reader *reader)
{
	struct stat status;

	if (fstat(reader->fd, &status) != 0)
		return matr_fail_errno(reader->err, reader->path, "cannot be read");
	struct matr_file_id now = file_id_of(&status);
	if (now.size != reader->object->file.size || now.mtime != reader->object->file.mtime)
		return matr_fail(reader->err, MATR_ERROR_SYSTEM, reader->path,
				 "changed while it was read");
	return 0;
}

/* Up to `size` bytes into `to`, which is all zero beforehand. */
static int read_start(struct elf_reader *reader, void *to, size_t size, off_t offset)
{
	ssize_t got;

	do
		got = pread(reader->fd, to, size, offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return matr_fail_errno(reader->err, reader->path, "cannot be read");
	return 0;
}

/* glibc: elf/dl-load.c, VALID_ELF_HEADER. The GNU ABI version lists what the C library must
 * support. */
static bool takes_abi(const unsigned char *ident)
{
	enum { GNU_ABI_VERSIONS = 5 };
	static const unsigned char padding[EI_NIDENT - EI_PAD];

	if (memcmp(ident + EI_PAD, padding, sizeof padding) != 0)
		return false;
	if (ident[EI_ABIVERSION] == 0)
		return ident[EI_OSABI] == ELFOSABI_SYSV || ident[EI_OSABI] == ELFOSABI_GNU;
	return ident[EI_OSABI] == ELFOSABI_GNU && ident[EI_ABIVERSION] < GNU_ABI_VERSIONS;
}

static int read_header(struct elf_reader *reader)
{
	Elf64_Ehdr *header = &reader->header;
	struct matr_error *err = reader->err;
	const char *path = reader->path;

	if (reader->file_size == 0)
		return matr_fail(err, MATR_ERROR_NOT_ELF, path, "is empty");
	if (read_start(reader, header, sizeof *header, 0) != 0)
		return -1;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return matr_fail(err, MATR_ERROR_NOT_ELF, path, "is not an ELF file");
	if (header->e_ident[EI_CLASS] == ELFCLASS32)
		return matr_fail(err, MATR_ERROR_FOREIGN, path, "is a 32-bit ELF file");
	if (reader->file_size < sizeof *header)
		return matr_fail(err, MATR_ERROR_MALFORMED, path,
				 "is truncated: it ends within the ELF header");
	if (header->e_ident[EI_CLASS] != ELFCLASS64)
		return matr_fail(err, MATR_ERROR_FOREIGN, path, "has the unknown ELF class %u",
				 header->e_ident[EI_CLASS]);
	if (header->e_ident[EI_DATA] != ELFDATA2LSB)
		return matr_fail(err, MATR_ERROR_NOT_ELF, path, "is not a little-endian ELF file");
	if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
		return matr_fail(err, MATR_ERROR_NOT_ELF, path, "has an unknown ELF version");
	if (!takes_abi(header->e_ident))
		return matr_fail(err, MATR_ERROR_NOT_ELF, path,
				 "is for another operating system (OS ABI %u, version %u)",
				 header->e_ident[EI_OSABI], header->e_ident[EI_ABIVERSION]);
	if (header->e_machine != EM_X86_64)
		return matr_fail(err, MATR_ERROR_FOREIGN, path,
				 "is for another machine (e_machine %u, not x86-64)",
				 header->e_machine);
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return matr_fail(err, MATR_ERROR_NOT_ELF, path,
				 "is an ELF file, but neither a program nor a shared library");
	return 0;
}

/* Limit the number of sections: elf_begin() makes room for as many as section header 0 claims where
 * e_shnum is 0, up to 2^32. It has no option to leave them out. */
static int check_section_count(struct elf_reader *reader)
{
	const Elf64_Ehdr *header = &reader->header;
	Elf64_Shdr first = {0};

	if (header->e_shnum != 0 || header->e_shoff == 0 || header->e_shoff > INT64_MAX ||
	    header->e_shoff >= reader->file_size)
		return 0;
	if (read_start(reader, &first, sizeof first, (off_t)header->e_shoff) != 0)
		return -1;
	if (first.sh_size > reader->file_size / sizeof first)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "has more section headers than the file has room for");
	return 0;
}

/* Fail for a call of libelf, before which errno was 0. malloc() and mmap() in it have set errno. */
static int libelf_failed(const struct elf_reader *reader, const char *what)
{
	if (resources_ran_out(errno))
		return matr_fail_errno(reader->err, reader->path, "cannot read %s", what);
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path, "cannot read %s: %s",
			 what, elf_errmsg(-1));
}

int elf_reader_open(struct elf_reader *reader)
{
	if (open_file(reader) != 0 || read_header(reader) != 0 || check_section_count(reader) != 0)
		return -1;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return matr_fail(reader->err, MATR_ERROR_UNSUPPORTED, NULL, "libelf is too old");
	errno = 0;
	reader->elf = elf_begin(reader->fd, ELF_C_READ, NULL);
	if (!reader->elf)
		return libelf_failed(reader, "the ELF header");
	reader->windows =
		elf_reader_allocate(reader, reader->file_size / WINDOW + 1, sizeof(void *));
	return reader->windows ? 0 : -1;
}

void elf_reader_close(struct elf_reader *reader)
{
	if (reader->elf)
		elf_end(reader->elf);
	if (reader->fd >= 0)
		close(reader->fd); /* only read from: nothing to lose */
	free(reader->windows);
}

void *elf_reader_allocate(struct elf_reader *reader, size_t n, size_t size)
{
	void *array = calloc(n ? n : 1, size);
	if (!array)
		matr_fail_memory(reader->err);
	return array;
}

const void *elf_reader_bytes(struct elf_reader *reader, uint64_t offset, uint64_t size,
			     const char *what)
{
	Elf_Data *data;

	if (size > reader->file_size || offset > reader->file_size - size) {
		matr_fail(
			reader->err, MATR_ERROR_MALFORMED, reader->path,
			"is truncated or malformed: %s (%llu bytes at offset 0x%llx) does not lie "
			"within the file",
			what, (unsigned long long)size, (unsigned long long)offset);
		return NULL;
	}
	if (size == 0) /* libelf has no empty chunks; this byte is never read */
		return "";
	errno = 0;
	data = elf_getdata_rawchunk(reader->elf, (int64_t)offset, size, ELF_T_BYTE);
	if (!data || !data->d_buf || data->d_size != size) {
		libelf_failed(reader, what);
		return NULL;
	}
	return data->d_buf;
}

static bool segment_has(const struct matr_segment *segment, uint64_t vaddr, uint64_t size)
{
	return segment->type == PT_LOAD && vaddr >= segment->vaddr &&
	       size <= segment->memory_size &&
	       vaddr - segment->vaddr <= segment->memory_size - size;
}

const struct matr_segment *elf_reader_segment(struct elf_reader *reader, uint64_t vaddr,
					      uint64_t size)
{
	const struct matr_object *object = reader->object;

	if (reader->last_segment < object->n_segments &&
	    segment_has(&object->segments[reader->last_segment], vaddr, size))
		return &object->segments[reader->last_segment];
	for (size_t i = 0; i < object->n_segments; i++)
		if (segment_has(&object->segments[i], vaddr, size)) {
			reader->last_segment = i;
			return &object->segments[i];
		}
	return NULL;
}

static int fail_outside(struct elf_reader *reader, uint64_t vaddr, uint64_t size, const char *what)
{
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
			 "%s (%llu bytes at address 0x%llx) is not loaded from the file", what,
			 (unsigned long long)size, (unsigned long long)vaddr);
}

/* The file offset of bytes at a virtual address. */
static int offset_of(struct elf_reader *reader, uint64_t vaddr, uint64_t size, uint64_t *offset,
		     const char *what)
{
	const struct matr_segment *segment = elf_reader_segment(reader, vaddr, size);

	if (!segment || vaddr - segment->vaddr + size > segment->file_size)
		return fail_outside(reader, vaddr, size, what);
	*offset = segment->offset + (vaddr - segment->vaddr);
	return 0;
}

const void *elf_reader_at(struct elf_reader *reader, uint64_t vaddr, uint64_t size,
			  const char *what)
{
	uint64_t offset;

	if (offset_of(reader, vaddr, size, &offset, what) != 0)
		return NULL;
	return elf_reader_bytes(reader, offset, size, what);
}

static const unsigned char *window(struct elf_reader *reader, size_t i)
{
	uint64_t start = (uint64_t)i * WINDOW, size = reader->file_size - start;

	if (!reader->windows[i])
		reader->windows[i] = elf_reader_bytes(reader, start, size < WINDOW ? size : WINDOW,
						      "part of a segment");
	return reader->windows[i];
}

int elf_reader_copy(struct elf_reader *reader, uint64_t vaddr, void *to, size_t size,
		    const char *what)
{
	unsigned char *bytes = to;
	uint64_t offset;

	if (offset_of(reader, vaddr, size, &offset, what) != 0)
		return -1;
	while (size > 0) {
		const unsigned char *from = window(reader, offset / WINDOW);
		size_t skip = offset % WINDOW;
		size_t n = size < WINDOW - skip ? size : WINDOW - skip;

		if (!from)
			return -1;
		memcpy(bytes, from + skip, n);
		bytes += n;
		offset += n;
		size -= n;
	}
	return 0;
}

int elf_reader_word(struct elf_reader *reader, uint64_t vaddr, uint64_t *word, const char *what)
{
	const struct matr_segment *segment = elf_reader_segment(reader, vaddr, sizeof *word);

	*word = 0;
	if (!segment)
		return fail_outside(reader, vaddr, sizeof *word, what);
	if (vaddr - segment->vaddr >= segment->file_size)
		return 0;
	/* The last word from the file may go on in zeroed memory. */
	uint64_t left = segment->file_size - (vaddr - segment->vaddr);
	return elf_reader_copy(reader, vaddr, word, left < sizeof *word ? left : sizeof *word,
			       what);
}
