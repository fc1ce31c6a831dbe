/* dwarf_split.h - where the split units (.dwo) of a file are. */
#ifndef MATR_SQL_DWARF_SPLIT_H
#define MATR_SQL_DWARF_SPLIT_H

#include "sql/reader/dwarf_package.h"

struct dwarf_split { /* what was opened for one file; all zero at first */
	bool looked_for_package;
	struct dwarf_package *package; /* NULL: there is none */
	struct dwarf_handle *files;    /* .dwo files */
	size_t n_files;
	uint64_t size; /* bytes that all take, about */
};

struct split_unit {
	Dwarf_Die die;
	Dwarf *dwarf;
	/* Of a package, else NULL. */
	const struct dwarf_package *package;
	const struct package_unit *in_package;
};

/* Find the split unit of a skeleton: in PROGRAM.dwp, else in the file that the skeleton names.
 * file: whose debugging information it is, `from` the file that has the skeleton. Units of packages and files that
 * are malformed are reported through elf_file_warn().
 * Returns 1 if found, 0 if not, -1 out of memory. */
int dwarf_split_find(const struct elf_file *file, const struct elf_file *from,
		     struct dwarf_split *split, Dwarf_Die *skeleton, struct split_unit *out,
		     struct matr_error *err);
void dwarf_split_free(struct dwarf_split *split);

/* The name of the file that the skeleton names; NULL: it names none. */
const char *dwarf_split_name(Dwarf_Die *skeleton);

#endif
