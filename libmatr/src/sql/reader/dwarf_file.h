/* dwarf_file.h - the debugging information of a file: its own, or that of the file kept apart from it
 * (build-id, .gnu_debuglink), with the split units (.dwo) that it refers to.
 */
#ifndef MATR_SQL_DWARF_FILE_H
#define MATR_SQL_DWARF_FILE_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "sql/reader/elf_file.h"

struct die {		 /* one DIE of a unit, in file order */
	uint32_t offset; /* from the unit's first byte */
	uint32_t size;	 /* bytes, children not included */
	uint32_t parent; /* index; NO_DIE: the unit's own */
	uint32_t end;	 /* index behind the last DIE below it */
};

#define NO_DIE UINT32_MAX

/* A unit, or the split unit that goes with one. */
struct dwarf_unit {
	Dwarf_Die die;
	uint64_t offset;    /* of the unit header in its section */
	uint64_t end;	    /* of the unit */
	uint64_t cu_offset; /* what tables show: the same, for a split unit that of its skeleton */
	uint64_t base;	    /* added to offsets of DIEs: 0, or what tells split units apart */
	uint8_t address_size, offset_size;
	Dwarf_Half version;
	bool is_skeleton;
	const char *
		missing; /* the split unit's file, which is not found; NULL: there is none missing */
	struct die *dies; /* NULL: not read yet */
	size_t n_dies;
	unsigned readers; /* cursors that are at it: the DIEs stay */
	bool has_lines;
	int64_t low, high; /* of its line table, once has_lines */
};

struct dwarf_file {
	struct elf_part part;
	struct elf_file *separate; /* NULL: the file has its own */
	Dwarf *dwarf;		   /* NULL: there is no debugging information */
	Dwfl *dwfl;		   /* of a relocatable file */
	Dwfl_Module *module;	   /* the same */
	char *contents;		   /* the same */
	Dwarf_CU *last;		   /* listed so far */
	bool all_listed;
	struct dwarf_unit *units;
	size_t n_units, capacity;
	size_t n_dies_kept;
	uint32_t n_split;
};

/* The file's, found at the first call. NULL with an error; that there is none is no error. */
struct dwarf_file *dwarf_file_of(struct elf_file *file, struct matr_error *err);

/* Unit number i, the split one after its skeleton: 1, 0 where there are no more, or -1. Units may move in
 * memory by this call. */
int dwarf_unit_get(struct elf_file *file, size_t i, struct dwarf_unit **out,
		   struct matr_error *err);
/* Read the DIEs of unit number i. */
int dwarf_unit_read(struct elf_file *file, size_t i, struct matr_error *err);
/* The index of the DIE at that offset (base included); NO_DIE: none. */
uint32_t dwarf_unit_find(const struct dwarf_unit *unit, uint64_t offset);
/* libdw gives sections of a relocatable file places in memory; back to an offset in the section. `last`: the
 * address is that of the end of something. */
uint64_t dwarf_file_address(const struct dwarf_file *dwarf, uint64_t address, bool last);

/* A DIE of the unit for libdw. */
Dwarf_Die dwarf_unit_die(const struct dwarf_unit *unit, uint32_t i);

#endif
