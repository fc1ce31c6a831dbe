/* elf_decompress.h - the contents of sections, compressed or not. */
#ifndef MATR_SQL_ELF_DECOMPRESS_H
#define MATR_SQL_ELF_DECOMPRESS_H

#include "sql/reader/elf_file.h"

struct elf_compression {
	/* ELFCOMPRESS_*; 0: the section is not compressed. */
	uint32_t type;
	uint64_t size, alignment; /* of the contents */
	size_t header;		  /* bytes before what is compressed */
};

enum { COMPRESSED_ZLIB = 1, COMPRESSED_ZSTD = 2 };

/* Find out how a section is compressed (SHF_COMPRESSED, or a name with .zdebug).
 * Errors: MALFORMED (an impossible size), UNSUPPORTED (an unknown method). */
int elf_compression_of(struct elf_file *file, size_t section, struct elf_compression *out,
		       struct matr_error *err);

/* Read the contents of a section, decompressed if it has SHF_COMPRESSED. *out: free(); a NUL
 * follows the last byte. */
int elf_decompress(struct elf_file *file, size_t section, uint8_t **out, size_t *size,
		   struct matr_error *err);

#endif
