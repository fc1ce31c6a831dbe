/* dwarf_die.h - the debugging information entries of a unit. */
#ifndef MATR_SQL_DWARF_DIE_H
#define MATR_SQL_DWARF_DIE_H

#include "sql/reader/dwarf_file.h"

#define NO_DIE UINT32_MAX

/* Read the DIEs of unit number i. */
int dwarf_unit_read(struct elf_file *file, size_t i, struct matr_error *err);
/* The index of the DIE at that offset (base included); NO_DIE: none. */
uint32_t dwarf_unit_find(const struct dwarf_unit *unit, uint64_t offset);
/* A DIE of the unit for libdw. */
Dwarf_Die dwarf_unit_die(const struct dwarf_unit *unit, uint32_t i);

/* Find an attribute of a DIE, or of the DIE that it is an instance of. NULL if there is none. */
Dwarf_Attribute *dwarf_unit_attribute(const struct elf_file *file, const struct dwarf_unit *unit,
				      Dwarf_Die *die, unsigned code, Dwarf_Attribute *out);
/* Get the value of an attribute (NULL is allowed) of the unit's DIEs, from the package or the file
 * with the skeleton if it is there. Returns NULL or false if there is no such value. */
const char *dwarf_unit_string(const struct elf_file *file, const struct dwarf_unit *unit,
			      Dwarf_Attribute *attribute);
bool dwarf_unit_address(const struct elf_file *file, const struct dwarf_unit *unit,
			Dwarf_Attribute *attribute, Dwarf_Addr *out);

#endif
