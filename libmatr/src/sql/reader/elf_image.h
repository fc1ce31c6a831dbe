/* elf_image.h - a copy of an ELF file in memory whose sections are not compressed. */
#ifndef MATR_SQL_ELF_IMAGE_H
#define MATR_SQL_ELF_IMAGE_H

#include "sql/reader/elf_file.h"

struct elf_image {
	char *bytes; /* NULL: none */
	size_t size;
	Elf *elf; /* libelf's, on the bytes */
};

/* Copy the file with the sections that `wanted` picks, decompressed. Section numbers stay; the
 * other sections have no contents and no name. There are no program headers. */
int elf_image_make(struct elf_file *file, bool (*wanted)(const struct elf_section *section),
		   struct elf_image *out, struct matr_error *err);
void elf_image_free(struct elf_image *image); /* after what uses image->elf */

/* Get the contents of a section by name. NULL if there is none. They belong to the image. */
uint8_t *elf_image_section(const struct elf_image *image, const char *name, size_t *size);

#endif
