/* elf_notes.h - notes, one after the other. */
#ifndef MATR_SQL_ELF_NOTES_H
#define MATR_SQL_ELF_NOTES_H

#include "sql/reader/elf_file.h"

struct elf_notes { /* all zero but file: before the first */
	struct elf_file *file;
	size_t section;
	Elf_Data *data;
	size_t at; /* in the data */

	/* The current one. */
	uint32_t type;
	const char *owner; /* ends with a NUL, or is "" */
	const uint8_t *description;
	size_t size;
	uint64_t offset; /* in the file */
};

/* 1, 0 or -1. */
int elf_notes_next(struct elf_notes *notes, struct matr_error *err);

/* Bytes in hexadecimal: 2 * size digits and a NUL. */
void elf_note_hex(char *text, const uint8_t *bytes, size_t size);

/* Find the build-id in hexadecimal. Returns 1 if found, 0 if the file has none, -1 on error. */
int elf_build_id(struct elf_file *file, char text[2 * MATR_BUILD_ID_MAX + 1],
		 struct matr_error *err);

#endif
