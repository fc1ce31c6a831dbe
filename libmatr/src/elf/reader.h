/* reader.h - an ELF file while it is being read: what the parts of matr_object_open() share.
 *
 * Nothing in the file is believed. Each part asks here for bytes by file offset or by virtual
 * address and gets them only if they lie within the file, so that the parts themselves only have to
 * mind what the bytes mean. Every function reports its own error through reader->err.
 */
#ifndef MATR_OBJECT_READER_H
#define MATR_OBJECT_READER_H

#include <elf.h>
#include <libelf.h>

#include <matr/object.h>

struct elf_reader {
	struct matr_object *object; /* what is being filled in */
	const char *path;	    /* as the caller gave it, for messages */
	struct matr_error *err;

	int fd;
	Elf *elf;
	uint64_t file_size;
	Elf64_Ehdr header;

	/* The file in pieces, for words that are read one by one all over it; read when needed. */
	const unsigned char **windows;
	size_t last_segment; /* where the last address was found: the next is mostly there too */

	const char *strings; /* DT_STRTAB, part of object->private_data */
	uint64_t strings_size;
};

/* ---- object.c ---- */

/* matr_object_open() without symbols, versions and relocations: enough to search for libraries. */
int elf_object_open_headers(const char *path, struct matr_object **out, struct matr_error *err);

/* ---- reader.c ---- */

int elf_reader_open(struct elf_reader *reader);
int elf_reader_check_unchanged(struct elf_reader *reader);
void elf_reader_close(struct elf_reader *reader);

/* Bytes of the file, valid until the reader is closed; NULL with an error that calls them `what`.
 * They need not be aligned. */
const void *elf_reader_bytes(struct elf_reader *reader, uint64_t offset, uint64_t size,
			     const char *what);
/* The same for bytes at a virtual address, which all have to come from the file. */
const void *elf_reader_at(struct elf_reader *reader, uint64_t vaddr, uint64_t size,
			  const char *what);
/* Copy a few bytes at a virtual address: cheap for many small pieces, for tables of unknown size.
 * They all have to come from the file. */
int elf_reader_copy(struct elf_reader *reader, uint64_t vaddr, void *to, size_t size,
		    const char *what);
/* The word at a virtual address as it is before relocation: 0 in memory that is not from the
 * file. */
int elf_reader_word(struct elf_reader *reader, uint64_t vaddr, uint64_t *word, const char *what);
/* The PT_LOAD segment that has all these bytes in memory; NULL: none. */
const struct matr_segment *elf_reader_segment(struct elf_reader *reader, uint64_t vaddr,
					      uint64_t size);

/* calloc() of exactly n elements, at least one; NULL with an error. */
void *elf_reader_allocate(struct elf_reader *reader, size_t n, size_t size);

/* ---- the parts, in the order in which they are read ---- */

int elf_read_program_headers(struct elf_reader *reader);
int elf_read_build_id(struct elf_reader *reader);
int elf_read_dynamic_section(struct elf_reader *reader);
int elf_read_relocations(struct elf_reader *reader, uint64_t *n_symbols);
int elf_read_relr(struct elf_reader *reader);
int elf_read_symbols(struct elf_reader *reader, uint64_t n_symbols);
int elf_read_versions(struct elf_reader *reader);
int elf_read_properties(struct elf_reader *reader);
/* Fail if ld.so cannot load or relocate the object, whatever else is loaded. */
int elf_check_refused(struct elf_reader *reader);

/* ---- functions that parts share ---- */

/* The value of a dynamic entry; where a tag is there twice the last one counts, as in ld.so. */
bool elf_dynamic_value(const struct matr_object *object, int64_t tag, uint64_t *value);
/* The same for an entry that has to be there. */
int elf_dynamic_need(struct elf_reader *reader, int64_t tag, uint64_t *value, const char *name);
/* A string of DT_STRTAB, which lives as long as the object; NULL with an error. */
const char *elf_reader_string(struct elf_reader *reader, uint64_t offset, const char *what);

/* Raise *n_symbols to the number of symbols in the hash table. */
int elf_count_hashed_symbols(struct elf_reader *reader, uint64_t *n_symbols);
/* Set `hashed` of the object's symbols. */
int elf_mark_hashed_symbols(struct elf_reader *reader);

#endif
