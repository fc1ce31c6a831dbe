/* elf_file.h - an ELF file while it is being read, private to the files that make a matr_object.
 *
 * Everything is found as ld.so finds it: program headers, then the dynamic section, then tables by virtual
 * address. No section headers. Every range is checked against the file before it is touched.
 */
#ifndef MATR_ELF_FILE_H
#define MATR_ELF_FILE_H

#include <libelf.h>

#include <matr/object.h>

struct elf_file {
	const char *path;
	int fd;
	Elf *elf;
	size_t size;
	const unsigned char **loaded; /* by program header: its bytes once they were asked for */
	struct matr_object *object;
	const char *strings; /* copy of the dynamic string table, kept by the object */
	size_t strings_size;
};

/* The bytes of the file that are loaded at vaddr; NULL unless all `size` are. They live as long as file->elf.
 * Segments are read when first asked for, so that text is left alone. */
const void *elf_file_at(struct elf_file *file, uint64_t vaddr, uint64_t size);

/* How many bytes from vaddr on are loaded from the file, up to the end of its segment; 0: none. */
uint64_t elf_file_room(const struct elf_file *file, uint64_t vaddr);

/* The value of a dynamic tag (the last one counts, as for ld.so). */
bool elf_file_tag(const struct elf_file *file, int64_t tag, uint64_t *value);

/* The string at an offset of the dynamic string table; NULL: outside, or without an end. */
const char *elf_file_string(const struct elf_file *file, uint64_t offset);

int elf_file_malformed(const struct elf_file *file, struct matr_error *err, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The parts, in the order in which they depend on each other. */
int read_relocations(struct elf_file *file, struct matr_error *err);
int read_symbols(struct elf_file *file, struct matr_error *err);
int read_versions(struct elf_file *file, struct matr_error *err);
void read_build_id(struct elf_file *file);

#endif
