/* dwarf_package.c - the index of a package, and the units that it leads to.
 *
 * libdw 0.188 reads a package like a single .dwo file: each unit would get the first unit's
 * abbreviations and string offsets. So a copy gets the right abbreviation offset in each unit
 * header, and strings are looked up here.
 */
#include "sql/reader/dwarf_package.h"

#include <stdlib.h>
#include <string.h>

#include "sql/reader/elf_decompress.h"

enum { COLUMN_INFO = 1, COLUMN_ABBREVIATIONS = 3, COLUMN_OFFSETS = 6, MOST_COLUMNS = 8 };

static const char cu_index[] = ".debug_cu_index", tu_index[] = ".debug_tu_index";

bool dwarf_is_package(const struct elf_file *file)
{
	return elf_file_section_named(file, cu_index) != 0;
}

static bool is_wanted(const struct elf_section *section)
{
	/* Without the indexes: their names make libdw ignore all .dwo sections. */
	static const char *const names[] = {".debug_info.dwo", ".debug_abbrev.dwo",
					    ".debug_str.dwo", ".debug_str_offsets.dwo"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(section->name, names[i]) == 0)
			return section->header.sh_type != SHT_NOBITS;
	return false;
}

static uint64_t number(const uint8_t *bytes, size_t size, bool big)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[big ? i : size - 1 - i];
	return value;
}

static int fail(const struct elf_file *file, const char *name, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "its %s is malformed", name);
}

/* ---- the index ---- */

struct index {
	unsigned version;
	uint64_t n_columns, n_units, n_slots;
	const uint8_t *slots, *columns, *offsets, *sizes;
};

/* Find the parts of an index section. Returns false if it is malformed. */
static bool read_index(const uint8_t *bytes, size_t size, bool big, struct index *out)
{
	if (size < 16)
		return false;
	/* Version 2 is GNU's for DWARF 4, a number of four bytes; 5 is one of two. */
	unsigned version = number(bytes, 4, big) == 2 ? 2 : (unsigned)number(bytes, 2, big);
	if (version != 2 && version != 5)
		return false;
	*out = (struct index){
		.version = version,
		.n_columns = number(bytes + 4, 4, big),
		.n_units = number(bytes + 8, 4, big),
		.n_slots = number(bytes + 12, 4, big),
	};
	if (out->n_columns > MOST_COLUMNS)
		return false;
	uint64_t row = 4 * out->n_columns;
	if (size - 16 < 12 * out->n_slots + row + 2 * row * out->n_units)
		return false;
	out->slots = bytes + 16;
	out->columns = out->slots + 12 * out->n_slots;
	out->offsets = out->columns + row;
	out->sizes = out->offsets + row * out->n_units;
	return true;
}

static struct package_unit read_unit(const struct index *index, uint64_t row, bool big)
{
	struct package_unit unit = {0};

	for (uint64_t i = 0; i < index->n_columns; i++) {
		uint64_t at = 4 * (row * index->n_columns + i);
		uint64_t offset = number(index->offsets + at, 4, big);
		uint64_t size = number(index->sizes + at, 4, big);
		switch (number(index->columns + 4 * i, 4, big)) {
		case COLUMN_INFO:
			unit.info = offset;
			unit.info_size = size;
			break;
		case COLUMN_ABBREVIATIONS:
			unit.abbreviations = offset;
			break;
		case COLUMN_OFFSETS:
			unit.offsets = offset;
			unit.offsets_size = size;
			break;
		default:
			break;
		}
	}
	return unit;
}

/* ---- units ---- */

struct unit_header {
	size_t size;	      /* up to the root DIE */
	size_t abbreviations; /* where their offset stands in it */
	unsigned offset_size;
};

/* Parse a unit header (DWARF 5, 7.5.1). Split units end it with an identifier of eight bytes. */
static bool read_header(const uint8_t *bytes, size_t size, bool big, struct unit_header *out)
{
	if (size < 16)
		return false;
	bool wide = number(bytes, 4, big) == UINT32_MAX;
	size_t at = wide ? 12 : 4;
	uint64_t version = number(bytes + at, 2, big);
	out->offset_size = wide ? 8 : 4;
	out->abbreviations = at + (version < 5 ? 2 : 4);
	out->size = out->abbreviations + out->offset_size + (version < 5 ? 1 : 8);
	return version >= 2 && version <= 5 && out->size < size;
}

static bool find_header(uint8_t *info, size_t info_size, const struct package_unit *unit, bool big,
			struct unit_header *out)
{
	return unit->info <= info_size && unit->info_size <= info_size - unit->info &&
	       read_header(info + unit->info, unit->info_size, big, out);
}

/* Write the offset of the unit's abbreviations into its header. */
static void set_abbreviations(uint8_t *info, size_t info_size, const struct package_unit *unit,
			      bool big)
{
	struct unit_header header;

	if (!find_header(info, info_size, unit, big, &header))
		return;
	uint8_t *at = info + unit->info + header.abbreviations;
	uint64_t value = number(at, header.offset_size, big) + unit->abbreviations;
	for (unsigned i = 0; i < header.offset_size; i++)
		at[big ? header.offset_size - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* Correct type units too: since DWARF 5 they are in .debug_info.dwo, and libdw parses them. */
static int read_type_units(struct dwarf_package *package, struct elf_file *file, uint8_t *info,
			   size_t info_size, struct matr_error *err)
{
	size_t section = elf_file_section_named(file, tu_index), size;
	struct index index;
	uint8_t *bytes;

	if (!section)
		return 0;
	if (elf_decompress(file, section, &bytes, &size, err) < 0)
		return -1;
	if (read_index(bytes, size, package->big, &index) && index.version >= 5)
		for (uint64_t i = 0; i < index.n_units; i++) {
			struct package_unit unit = read_unit(&index, i, package->big);
			set_abbreviations(info, info_size, &unit, package->big);
		}
	free(bytes);
	return 0;
}

static int read_units(struct dwarf_package *package, struct elf_file *file, uint8_t *info,
		      size_t info_size, struct matr_error *err)
{
	struct index index;
	size_t size;

	if (elf_decompress(file, elf_file_section_named(file, cu_index), &package->index, &size,
			   err) < 0)
		return -1;
	if (!read_index(package->index, size, package->big, &index))
		return fail(file, cu_index, err);
	package->slots = index.slots;
	package->n_slots = index.n_slots;
	package->units = calloc(index.n_units + 1, sizeof *package->units);
	if (!package->units)
		return matr_fail_memory(err);
	for (; package->n_units < index.n_units; package->n_units++) {
		struct package_unit *unit = &package->units[package->n_units];
		*unit = read_unit(&index, package->n_units, package->big);
		set_abbreviations(info, info_size, unit, package->big);
	}
	return read_type_units(package, file, info, info_size, err);
}

static int open_package(struct elf_file *file, struct dwarf_package *package,
			struct matr_error *err)
{
	size_t info_size = 0;

	package->path = strdup(file->path);
	if (!package->path)
		return matr_fail_memory(err);
	package->big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;
	if (dwarf_copy(file, is_wanted, &package->handle, err) < 0)
		return -1;
	const struct elf_image *image = &package->handle.image;
	uint8_t *info = elf_image_section(image, ".debug_info.dwo", &info_size);
	package->strings = elf_image_section(image, ".debug_str.dwo", &package->strings_size);
	package->offsets =
		elf_image_section(image, ".debug_str_offsets.dwo", &package->offsets_size);
	if (!info)
		return fail(file, ".debug_info.dwo", err);
	if (read_units(package, file, info, info_size, err) < 0)
		return -1;
	return dwarf_open_copy(file, &package->handle, err);
}

struct dwarf_package *dwarf_package_open(struct elf_file *file, struct matr_error *err)
{
	struct dwarf_package *package = calloc(1, sizeof *package);

	if (!package) {
		matr_fail_memory(err);
		return NULL;
	}
	if (open_package(file, package, err) < 0) {
		dwarf_package_close(package);
		return NULL;
	}
	return package;
}

void dwarf_package_close(struct dwarf_package *package)
{
	if (!package)
		return;
	dwarf_close(&package->handle);
	free(package->units);
	free(package->index);
	free(package->path);
	free(package);
}

/* Probe the index, an open-addressed hash table. Row numbers count from 1; 0 is a free slot. */
const struct package_unit *dwarf_package_find(const struct dwarf_package *package, uint64_t id)
{
	size_t mask = package->n_slots - 1, slot = id & mask, step = (id >> 32 & mask) | 1;
	const uint8_t *rows = package->slots + 8 * package->n_slots;

	for (size_t i = 0; i < package->n_slots; i++, slot = (slot + step) & mask) {
		if (slot >= package->n_slots) /* not a power of two: malformed */
			return NULL;
		uint64_t row = number(rows + 4 * slot, 4, package->big);
		if (row == 0)
			return NULL;
		if (number(package->slots + 8 * slot, 8, package->big) == id)
			return row <= package->n_units ? &package->units[row - 1] : NULL;
	}
	return NULL;
}

bool dwarf_package_die(const struct dwarf_package *package, const struct package_unit *unit,
		       Dwarf_Die *out)
{
	struct unit_header header;
	size_t size;
	uint8_t *info = elf_image_section(&package->handle.image, ".debug_info.dwo", &size);

	return info && find_header(info, size, unit, package->big, &header) &&
	       dwarf_offdie(package->handle.dwarf, unit->info + header.size, out) != NULL;
}

const char *dwarf_package_string(const struct dwarf_package *package,
				 const struct package_unit *unit, unsigned version,
				 unsigned offset_size, uint64_t index)
{
	/* Since DWARF 5 the offsets have a header: a length, a version and two bytes of padding. */
	uint64_t header = version < 5 ? 0 : offset_size == 8 ? 16 : 8;

	if (!package->strings || !package->offsets || unit->offsets > package->offsets_size ||
	    unit->offsets_size > package->offsets_size - unit->offsets ||
	    unit->offsets_size < header || index >= (unit->offsets_size - header) / offset_size)
		return NULL;
	const uint8_t *at = package->offsets + unit->offsets + header + index * offset_size;
	uint64_t offset = number(at, offset_size, package->big);
	if (offset >= package->strings_size ||
	    !memchr(package->strings + offset, 0, package->strings_size - offset))
		return NULL;
	return (const char *)package->strings + offset;
}
