/* dwarf_file.h - the debugging information of a file: its own, or that of the file kept apart from
 * it (build-id, .gnu_debuglink), with the split units (.dwo, .dwp) that it refers to.
 */
#ifndef MATR_SQL_DWARF_FILE_H
#define MATR_SQL_DWARF_FILE_H

#include "sql/reader/dwarf_split.h"

struct die {		 /* one DIE of a unit, in file order */
	uint32_t offset; /* from the unit's first byte */
	uint32_t size;	 /* bytes, children not included */
	uint32_t parent; /* index; NO_DIE: the unit's own */
	uint32_t end;	 /* index behind the last DIE below it */
};

/* A unit, or the split unit that goes with one. */
struct dwarf_unit {
	Dwarf_Die die;
	const struct dwarf_handle *handle;
	uint64_t offset;    /* of the unit header in its section */
	uint64_t end;	    /* of the unit */
	uint64_t cu_offset; /* what tables show: the same, for a split unit that of its skeleton */
	uint64_t base;	    /* added to offsets of DIEs to make those of split units unique; else
			     * 0 */
	uint8_t address_size, offset_size;
	Dwarf_Half version;
	bool is_skeleton;
	const char *missing; /* name of a .dwo file that is not found; else NULL */
	bool is_split;	     /* its lines are its skeleton's */
	uint64_t addresses; /* of a split unit: where its addresses begin in dwarf_file.addresses */
	const struct dwarf_package *package; /* that it is from; NULL: none */
	const struct package_unit *in_package;
	struct die *dies; /* NULL: not read yet */
	size_t n_dies;
	unsigned readers; /* cursors that are at it: the DIEs stay */
	bool has_lines;
	int64_t low, high; /* of its line table, once has_lines */
};

struct dwarf_file {
	struct elf_part part;
	struct elf_file *separate;  /* NULL: the file has its own */
	struct dwarf_handle handle; /* its dwarf is NULL: there is no debugging information */
	struct elf_file *alternate; /* what dwz has moved to a file of its own; NULL: nothing */
	struct dwarf_handle alternate_handle;
	struct dwarf_package *package; /* the file is one; NULL: it is none */
	struct dwarf_split split;
	const uint8_t *addresses; /* .debug_addr; NULL: not asked for, or there is none */
	size_t addresses_size;
	Dwarf_CU *last; /* listed so far */
	bool all_listed;
	struct dwarf_unit *units;
	size_t n_units, capacity;
	size_t n_dies_kept;
	uint32_t n_split;
};

/* The file's, found at the first call. NULL with an error; that there is none is no error. */
struct dwarf_file *dwarf_file_of(struct elf_file *file, struct matr_error *err);

/* Unit number i, the split one after its skeleton: 1, 0 where there are no more, or -1. Units
 * may move in memory by this call. */
int dwarf_unit_get(struct elf_file *file, size_t i, struct dwarf_unit **out,
		   struct matr_error *err);

#endif
