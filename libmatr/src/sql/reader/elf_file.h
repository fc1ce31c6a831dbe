/* elf_file.h - an open ELF file of any class, byte order and machine.
 *
 * Nothing in the file is believed: whatever is handed out lies within the file, and all parts
 * together take no more memory than a few times its size. The file is read, not mapped: one that is
 * truncated while we look at it must not kill us.
 */
#ifndef MATR_SQL_ELF_FILE_H
#define MATR_SQL_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include <matr/error.h>
#include <matr/object.h>

struct elf_section {
	GElf_Shdr header;
	const char *name; /* "" where it has none, or an unreadable one */
	Elf_Data *data;	  /* in our byte order, read by elf_file_data() */
	uint8_t *bytes;	  /* as in the file, read by elf_file_bytes() */
};

/* State of a reader for an open file between queries: the first member of the reader's own
 * struct. */
struct elf_part {
	struct elf_part *next;
	void (*free)(struct elf_part *part);
};

struct elf_symbols;
struct elf_code;
struct dwarf_file;
struct matr_session;

struct elf_file {
	char *path; /* as it was named */
	struct matr_file_id id;
	int fd;
	Elf *elf;
	GElf_Ehdr header;
	struct elf_section *sections;
	size_t n_sections;
	bool made_up; /* there are no section headers: these are dynamic_sections.c's */
	size_t n_segments;
	uint64_t loaded; /* bytes handed out so far */

	struct elf_part *parts;
	/* The parts by type; NULL: not read yet. */
	struct elf_symbols *symbols;
	struct elf_code *code;
	struct dwarf_file *dwarf;

	/* Receiver of elf_file_warn()'s warnings; NULL: none. */
	void (*warn)(void *context, const struct matr_error *warning);
	void *warn_context;
	struct matr_session **session; /* of the connection, for libraries_find() */

	/* Of the pool of open files. */
	uint32_t number;
	uint64_t checked; /* generation in which it was last seen to be the same */
	unsigned references;
	struct elf_file *newer, *older;
};

/* *out belongs to the caller: elf_file_free(). Errors: SYSTEM, NOT_ELF, MALFORMED, RESOURCES. */
int elf_file_open(const char *path, struct elf_file **out, struct matr_error *err);
void elf_file_free(struct elf_file *file);

/* Keep a part with the file: `free` is called before the file is closed, last part first. */
void elf_file_keep(struct elf_file *file, struct elf_part *part,
		   void (*free)(struct elf_part *part));

/* Report something about the file that leaves rows out, while reading goes on. */
void elf_file_warn(const struct elf_file *file, const struct matr_error *warning);

/* Identify the file at the path, to notice a change. -1: errno. */
int elf_file_identify(const char *path, struct matr_file_id *id);

/* A section's contents as a table of `type`, converted to our byte order; NULL with an error. */
Elf_Data *elf_file_data(struct elf_file *file, size_t section, Elf_Type type,
			struct matr_error *err);
/* A section's contents as they are, *size bytes and a NUL behind; NULL with an error. */
const uint8_t *elf_file_bytes(struct elf_file *file, size_t section, size_t *size,
			      struct matr_error *err);
/* A string of a string table section; NULL where there is none at that offset. */
const char *elf_file_string(struct elf_file *file, size_t section, uint64_t offset);
/* Read from the file: the number of bytes, less than size at its end, or -1 with an error. */
int64_t elf_file_read(struct elf_file *file, uint64_t offset, void *to, size_t size,
		      struct matr_error *err);

/* The name of a section that the file itself numbers; NULL where it has no section headers, or
 * not so many. */
const char *elf_file_section_name(const struct elf_file *file, size_t section);
/* The first section of that type; 0: none. */
size_t elf_file_section(const struct elf_file *file, uint32_t type);
/* The section number of that name; 0: none. */
size_t elf_file_section_named(const struct elf_file *file, const char *name);

#endif
