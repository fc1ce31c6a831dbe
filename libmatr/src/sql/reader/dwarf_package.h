/* dwarf_package.h - a DWARF package file (.dwp): the split units of one program (DWARF 5,
 * 7.3.5). */
#ifndef MATR_SQL_DWARF_PACKAGE_H
#define MATR_SQL_DWARF_PACKAGE_H

#include "sql/reader/dwarf_open.h"

struct package_unit {
	uint64_t info, info_size;	/* in .debug_info.dwo */
	uint64_t abbreviations;		/* in .debug_abbrev.dwo */
	uint64_t offsets, offsets_size; /* in .debug_str_offsets.dwo */
};

struct dwarf_package {
	struct dwarf_handle handle;
	char *path;
	bool big; /* byte order */
	struct package_unit *units;
	size_t n_units;
	uint8_t *index;	      /* the contents of .debug_cu_index */
	const uint8_t *slots; /* in it: identifiers, then the rows' numbers */
	size_t n_slots;
	/* The contents of .debug_str.dwo and .debug_str_offsets.dwo. */
	const uint8_t *strings, *offsets;
	size_t strings_size, offsets_size;
};

/* Returns true if the file is a package. */
bool dwarf_is_package(const struct elf_file *file);

/* Read the package. The file may be closed afterwards. Returns NULL with an error. */
struct dwarf_package *dwarf_package_open(struct elf_file *file, struct matr_error *err);
void dwarf_package_close(struct dwarf_package *package); /* NULL is allowed */

/* Find a unit by its identifier. NULL if there is none. */
const struct package_unit *dwarf_package_find(const struct dwarf_package *package, uint64_t id);

/* Get the unit's root DIE. Returns false if the package is malformed. */
bool dwarf_package_die(const struct dwarf_package *package, const struct package_unit *unit,
		       Dwarf_Die *out);

/* Get the string with that index in the unit. NULL if there is none. offset_size: 4 or 8. */
const char *dwarf_package_string(const struct dwarf_package *package,
				 const struct package_unit *unit, unsigned version,
				 unsigned offset_size, uint64_t index);

#endif
