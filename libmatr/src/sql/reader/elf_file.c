/* elf_file.c - an open ELF file. libelf reads and converts; what it allocates without asking is
 * checked beforehand: the number of sections, and the sum of what is read. */
#include "sql/reader/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_id.h"

/* All that is kept of a file may take this many times its size, and a little for small ones. A
 * section may be read twice, as it is and converted; sections of real files do not overlap
 * otherwise. */
enum { MOST_COPIES = 3, SMALL = 1 << 20 };

int elf_file_identify(const char *path, struct matr_file_id *id)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return -1;
	*id = file_id_of(&status);
	return 0;
}

int64_t elf_file_read(struct elf_file *file, uint64_t offset, void *to, size_t size,
		      struct matr_error *err)
{
	size_t done = 0;

	if (offset > INT64_MAX - size)
		return 0;
	while (done < size) {
		ssize_t got =
			pread(file->fd, (char *)to + done, size - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return matr_fail_errno(err, file->path, "cannot be read");
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

static int open_descriptor(struct elf_file *file, struct matr_error *err)
{
	struct stat status;

	/* Looked at before it is opened, because opening a device may do something; opened without
	 * blocking, because by then it may have become a fifo. */
	if (stat(file->path, &status) != 0)
		return matr_fail_errno(err, file->path, "cannot be opened");
	if (S_ISREG(status.st_mode)) {
		file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (file->fd < 0 || fstat(file->fd, &status) != 0)
			return matr_fail_errno(err, file->path, "cannot be opened");
	}
	if (!S_ISREG(status.st_mode))
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path, "is not a regular file");
	file->id = file_id_of(&status);
	return 0;
}

static uint64_t number(const unsigned char *bytes, size_t size, bool big)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[big ? i : size - 1 - i];
	return value;
}

/* libelf allocates as many sections as the header, or section 0, announces, and treats a missing
 * table as an empty one. */
static int check_section_headers(struct elf_file *file, struct matr_error *err)
{
	unsigned char header[sizeof(Elf64_Ehdr)] = {0}, first[sizeof(Elf64_Shdr)] = {0};
	int64_t got = elf_file_read(file, 0, header, sizeof header, err);

	if (got < 0)
		return -1;
	if (got < SELFMAG || memcmp(header, ELFMAG, SELFMAG) != 0)
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path, "is not an ELF file");
	bool wide = header[EI_CLASS] == ELFCLASS64, big = header[EI_DATA] == ELFDATA2MSB;
	if ((!wide && header[EI_CLASS] != ELFCLASS32) || (!big && header[EI_DATA] != ELFDATA2LSB) ||
	    header[EI_VERSION] != EV_CURRENT)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "has an unknown ELF class, byte order or version");
	if (got < (int64_t)(wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "is truncated: it ends within the ELF header");
	uint64_t offset = number(header + (wide ? 40 : 32), wide ? 8 : 4, big);
	uint64_t size = number(header + (wide ? 58 : 46), 2, big);
	uint64_t n = number(header + (wide ? 60 : 48), 2, big);
	size_t expected = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	if (offset == 0)
		return 0;
	if (n == 0) {
		got = elf_file_read(file, offset, first, expected, err);
		if (got < 0)
			return -1;
		n = number(first + (wide ? 32 : 20), wide ? 8 : 4, big);
	}
	if (n == 0)
		return 0;
	if (size != expected)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "has section headers of %llu bytes", (unsigned long long)size);
	if (offset > file->id.size || n > (file->id.size - offset) / expected)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "is truncated or malformed: its section headers lie beyond its "
				 "end");
	return 0;
}

static int read_sections(struct elf_file *file, struct matr_error *err)
{
	size_t names = 0;

	if (elf_getshdrnum(file->elf, &file->n_sections) != 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "section headers: %s",
				 elf_errmsg(-1));
	file->sections = calloc(file->n_sections + 1, sizeof *file->sections);
	if (!file->sections)
		return matr_fail_memory(err);
	for (size_t i = 0; i < file->n_sections; i++) {
		file->sections[i].name = "";
		if (!gelf_getshdr(elf_getscn(file->elf, i), &file->sections[i].header))
			return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
					 "section header %zu: %s", i, elf_errmsg(-1));
	}
	if (file->n_sections == 0)
		return 0;
	if (elf_getshdrstrndx(file->elf, &names) != 0 || names >= file->n_sections)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "has no table of section names where its header says");
	for (size_t i = 0; i < file->n_sections && names; i++) {
		const char *name = elf_file_string(file, names, file->sections[i].header.sh_name);
		if (name)
			file->sections[i].name = name;
	}
	return 0;
}

static int read_file_header(struct elf_file *file, struct matr_error *err)
{
	if (open_descriptor(file, err) < 0 || check_section_headers(file, err) < 0)
		return -1;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL, "libelf is too old");
	file->elf = elf_begin(file->fd, ELF_C_READ, NULL);
	if (!file->elf || elf_kind(file->elf) != ELF_K_ELF ||
	    !gelf_getehdr(file->elf, &file->header) ||
	    elf_getphdrnum(file->elf, &file->n_segments) != 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "cannot be read as ELF: %s",
				 elf_errmsg(-1));
	return read_sections(file, err);
}

int elf_file_open(const char *path, struct elf_file **out, struct matr_error *err)
{
	struct elf_file *file = calloc(1, sizeof *file);

	if (!file)
		return matr_fail_memory(err);
	file->fd = -1;
	file->path = strdup(path);
	if (!file->path) {
		free(file);
		return matr_fail_memory(err);
	}
	if (read_file_header(file, err) < 0) {
		elf_file_free(file);
		return -1;
	}
	*out = file;
	return 0;
}

void elf_file_keep(struct elf_file *file, struct elf_part *part,
		   void (*free)(struct elf_part *part))
{
	part->free = free;
	part->next = file->parts;
	file->parts = part;
}

void elf_file_warn(const struct elf_file *file, const struct matr_error *warning)
{
	if (file->warn)
		file->warn(file->warn_context, warning);
}

void elf_file_free(struct elf_file *file)
{
	if (!file)
		return;
	for (struct elf_part *part = file->parts, *next; part; part = next) {
		next = part->next;
		part->free(part);
	}
	for (size_t i = 0; i < file->n_sections && file->sections; i++)
		free(file->sections[i].bytes);
	free(file->sections);
	elf_end(file->elf);
	if (file->fd >= 0)
		close(file->fd); /* only read from: nothing to lose */
	free(file->path);
	free(file);
}

/* Check that the section's bytes may be read, and count them. */
static int check_part(struct elf_file *file, size_t section, struct matr_error *err)
{
	const GElf_Shdr *header = &file->sections[section].header;

	if (header->sh_type == SHT_NOBITS)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "section %zu (%s) has no contents", section,
				 file->sections[section].name);
	if (header->sh_offset > file->id.size ||
	    header->sh_size > file->id.size - header->sh_offset)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "is truncated or malformed: section %zu (%s) does not lie within "
				 "the file",
				 section, file->sections[section].name);
	if (header->sh_size > file->id.size * MOST_COPIES + SMALL - file->loaded)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "its sections overlap: they are larger than the file");
	file->loaded += header->sh_size;
	return 0;
}

Elf_Data *elf_file_data(struct elf_file *file, size_t section, Elf_Type type,
			struct matr_error *err)
{
	struct elf_section *at = &file->sections[section];

	if (at->data)
		return at->data;
	if (check_part(file, section, err) < 0)
		return NULL;
	static Elf_Data empty;
	at->data = at->header.sh_size
			   ? elf_getdata_rawchunk(file->elf, (int64_t)at->header.sh_offset,
						  at->header.sh_size, type)
			   : &empty;
	if (!at->data)
		matr_fail(err, MATR_ERROR_MALFORMED, file->path, "section %zu (%s): %s", section,
			  at->name, elf_errmsg(-1));
	return at->data;
}

const uint8_t *elf_file_bytes(struct elf_file *file, size_t section, size_t *size,
			      struct matr_error *err)
{
	struct elf_section *at = &file->sections[section];

	*size = at->header.sh_size;
	if (at->bytes)
		return at->bytes;
	if (check_part(file, section, err) < 0)
		return NULL;
	uint8_t *bytes = malloc(*size + 1);
	if (!bytes) {
		matr_fail_memory(err);
		return NULL;
	}
	int64_t got = elf_file_read(file, at->header.sh_offset, bytes, *size, err);
	if (got != (int64_t)*size) {
		if (got >= 0)
			matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				  "was truncated while it was read");
		free(bytes);
		return NULL;
	}
	bytes[*size] = 0;
	at->bytes = bytes;
	return bytes;
}

const char *elf_file_string(struct elf_file *file, size_t section, uint64_t offset)
{
	size_t size;

	if (section == 0 || section >= file->n_sections ||
	    file->sections[section].header.sh_type != SHT_STRTAB)
		return NULL;
	const uint8_t *bytes = elf_file_bytes(file, section, &size, NULL);
	return bytes && offset < size ? (const char *)bytes + offset : NULL;
}

const char *elf_file_section_name(const struct elf_file *file, size_t section)
{
	return !file->made_up && section < file->n_sections ? file->sections[section].name : NULL;
}

size_t elf_file_section(const struct elf_file *file, uint32_t type)
{
	for (size_t i = 1; i < file->n_sections; i++)
		if (file->sections[i].header.sh_type == type)
			return i;
	return 0;
}

size_t elf_file_section_named(const struct elf_file *file, const char *name)
{
	for (size_t i = 1; i < file->n_sections; i++)
		if (strcmp(file->sections[i].name, name) == 0)
			return i;
	return 0;
}
