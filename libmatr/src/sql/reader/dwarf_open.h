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
	const uint8_t *info;	/* the contents of .debug_info */
	size_t info_size;
};

/* Open the debugging information in the file itself. Sizes are checked first, since libdw trusts
 * them. zstd sections are decompressed here. Returns 0, or -1 with an error. */
int dwarf_open(struct elf_file *file, struct dwarf_handle *out, struct matr_error *err);
/* Copy the sections that `wanted` picks, then open the copy. The file may be closed afterwards. */
int dwarf_copy(struct elf_file *file, bool (*wanted)(const struct elf_section *section),
	       struct dwarf_handle *out, struct matr_error *err);
int dwarf_open_copy(const struct elf_file *file, struct dwarf_handle *handle,
		    struct matr_error *err);
void dwarf_close(struct dwarf_handle *handle);

/* Fill *err from libdw's last error; -1. */
int dwarf_fail(const struct elf_file *file, const char *what, struct matr_error *err);

/* Convert an address that libdw gives for an object file into an offset in its section; others are
 * returned unchanged. `last`: the address is the end of a range. */
uint64_t dwarf_open_address(const struct dwarf_handle *handle, uint64_t address, bool last);

/* Returns true if the text lies in .debug_info and ends there. libdw does not check that. */
bool dwarf_open_holds(const struct dwarf_handle *handle, const char *text);

/* Get a section's contents as libdw reads them, decompressed and relocated. NULL if there is none.
 */
const uint8_t *dwarf_open_section(const struct dwarf_handle *handle, const char *name,
				  size_t *size);

/* Returns true for sections of debugging information that have contents. */
bool dwarf_is_section(const struct elf_section *section);

#endif
