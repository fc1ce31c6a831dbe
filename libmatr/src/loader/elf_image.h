/* elf_image.h - an ELF file in memory whose headers have been checked, to be taken apart. */
#ifndef MATR_LOADER_ELF_IMAGE_H
#define MATR_LOADER_ELF_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

struct elf_image {
	const char *path; /* for messages */
	const unsigned char *bytes;
	size_t size;
	Elf64_Ehdr header;
	const Elf64_Phdr *segments; /* header.e_phnum, in `bytes` */
	const Elf64_Shdr *sections; /* header.e_shnum, in `bytes`, with names; NULL: none */
};

/* Check the headers of a shared object for this machine: header tables, and the file contents of
 * segments and sections, lie within the file. `bytes` must be aligned for uint64_t and stay.
 * Errors: NOT_ELF, FOREIGN, MALFORMED. */
int elf_image_open(struct elf_image *image, const char *path, const void *bytes, size_t size,
		   struct matr_error *err);

/* The bytes that a PT_LOAD segment has from the file at an address; NULL if it does not have
 * all. */
const unsigned char *elf_image_at(const struct elf_image *image, uint64_t address, uint64_t size);

/* The first segment of the type; NULL if there is none. */
const Elf64_Phdr *elf_image_segment(const struct elf_image *image, uint32_t type);

/* The first PT_LOAD segment that has the address in memory; NULL if there is none. */
const Elf64_Phdr *elf_image_load_at(const struct elf_image *image, uint64_t address);

/* A section by name; NULL if there is none. */
const Elf64_Shdr *elf_image_section(const struct elf_image *image, const char *name);

/* The name of a section; "" if it has none that can be read. */
const char *elf_image_section_name(const struct elf_image *image, const Elf64_Shdr *section);

#endif
