/* dwarf_split.h - the split units (.dwo) of a file. */
#ifndef MATR_SQL_DWARF_SPLIT_H
#define MATR_SQL_DWARF_SPLIT_H

#include "sql/reader/dwarf_package.h"

struct dwarf_split { /* what was opened for one file; all zero at first */
	bool looked_for_package;
	struct dwarf_package *package; /* NULL: there is none */
	struct dwarf_handle **files;   /* .dwo files */
	size_t n_files;
	uint64_t size; /* bytes that all take, about */
};

struct split_unit {
	Dwarf_Die die;
	const struct dwarf_handle *handle;
	/* Of a package, else NULL. */
	const struct dwarf_package *package;
	const struct package_unit *in_package;
};

/* Find the split unit of a skeleton, in PROGRAM.dwp or in the file that the skeleton names.
 * file: the program; `from`: the file with the skeleton.
 * Returns 1 if found, 0 if not, -1 if out of memory. A malformed package or .dwo file is a warning
 * (elf_file_warn()). */
int dwarf_split_find(const struct elf_file *file, const struct elf_file *from,
		     struct dwarf_split *split, Dwarf_Die *skeleton, struct split_unit *out,
		     struct matr_error *err);
void dwarf_split_free(struct dwarf_split *split);

/* Get the name of the .dwo file from the skeleton. NULL if it has none. */
const char *dwarf_split_name(Dwarf_Die *skeleton);

#endif
