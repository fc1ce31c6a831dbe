/* dwarf_open.h - libdw's handle of one file, opened with care. */
#ifndef MATR_SQL_DWARF_OPEN_H
#define MATR_SQL_DWARF_OPEN_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "sql/reader/elf_image.h"

struct dwarf_handle {
	Dwarf *dwarf;		/* NULL: not open */
	struct elf_image image; /* what libdw reads, where that is a copy */
	Dwfl *dwfl;		/* of a relocatable file */
	Dwfl_Module *module;	/* the same */
	uint64_t size;		/* bytes that it takes, about */
};

/* Open the debugging information that is in the file itself. libdw believes sizes and reads all at once: both are
 * checked first. Sections that libdw cannot decompress are decompressed here. */
int dwarf_open(struct elf_file *file, struct dwarf_handle *out, struct matr_error *err);
/* The same in two steps: copy the sections that are wanted, then open the copy. The file may be closed then. */
int dwarf_copy(struct elf_file *file, bool (*wanted)(const struct elf_section *section),
	       struct dwarf_handle *out, struct matr_error *err);
int dwarf_open_copy(const struct elf_file *file, struct dwarf_handle *handle,
		    struct matr_error *err);
void dwarf_close(struct dwarf_handle *handle);

/* Fill *err from libdw's last error; -1. */
int dwarf_fail(const struct elf_file *file, const char *what, struct matr_error *err);

/* libdw gives sections of a relocatable file places in memory; back to an offset in the section. `last`: the
 * address is that of the end of something. */
uint64_t dwarf_open_address(const struct dwarf_handle *handle, uint64_t address, bool last);

/* A section's contents as libdw reads them, decompressed and relocated; NULL: there is none. */
const uint8_t *dwarf_open_section(const struct dwarf_handle *handle, const char *name,
				  size_t *size);

/* Is it a section of debugging information? */
bool dwarf_is_section(const struct elf_section *section);

#endif
