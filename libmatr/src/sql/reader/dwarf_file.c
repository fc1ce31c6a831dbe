/* dwarf_file.c - the debugging information of a file, and its units. */
#include "sql/reader/dwarf_file.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sql/reader/dwarf_separate.h"

enum { SPLIT_SHIFT = 36 };

static void free_dwarf(struct elf_part *part)
{
	struct dwarf_file *dwarf = (struct dwarf_file *)part;

	for (size_t i = 0; i < dwarf->n_units; i++)
		free(dwarf->units[i].dies);
	free(dwarf->units);
	dwarf_split_free(&dwarf->split);
	dwarf_package_close(dwarf->package);
	dwarf_close(&dwarf->handle);
	dwarf_close(&dwarf->alternate_handle);
	elf_file_free(dwarf->alternate);
	elf_file_free(dwarf->separate);
	free(dwarf);
}

/* ---- opening ---- */

/* Open the supplementary file. Names are missing without it, so a failure is a warning. */
static int open_alternate(struct elf_file *file, struct elf_file *from, struct dwarf_file *dwarf,
			  struct matr_error *err)
{
	struct matr_error warning;
	int result = dwarf_alternate_open(from, &dwarf->alternate, &warning);

	if (result > 0)
		result = dwarf_open(dwarf->alternate, &dwarf->alternate_handle, &warning);
	if (dwarf->alternate_handle.dwarf)
		dwarf_setalt(dwarf->handle.dwarf, dwarf->alternate_handle.dwarf);
	if (result >= 0)
		return 0;
	if (warning.code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, &warning);
	elf_file_warn(file, &warning);
	return 0;
}

static int open_dwarf(struct elf_file *file, struct dwarf_file *dwarf, struct matr_error *err)
{
	if (!dwarf_is_in(file) && dwarf_separate_open(file, &dwarf->separate, err) <= 0)
		return 0;
	struct elf_file *from = dwarf->separate ? dwarf->separate : file;
	if (dwarf_is_package(from)) {
		dwarf->package = dwarf_package_open(from, err);
		return dwarf->package ? 0 : -1;
	}
	if (dwarf_open(from, &dwarf->handle, err) < 0)
		return -1;
	return open_alternate(file, from, dwarf, err);
}

struct dwarf_file *dwarf_file_of(struct elf_file *file, struct matr_error *err)
{
	if (file->dwarf)
		return file->dwarf;
	struct dwarf_file *dwarf = calloc(1, sizeof *dwarf);
	if (!dwarf) {
		matr_fail_memory(err);
		return NULL;
	}
	if (open_dwarf(file, dwarf, err) < 0) {
		free_dwarf(&dwarf->part);
		return NULL;
	}
	dwarf->all_listed = !dwarf->handle.dwarf && !dwarf->package;
	file->loaded += dwarf->package ? dwarf->package->handle.size
				       : dwarf->handle.size + dwarf->alternate_handle.size;
	file->dwarf = dwarf;
	elf_file_keep(file, &dwarf->part, free_dwarf);
	return dwarf;
}

/* ---- units ---- */

static int add_unit(struct dwarf_file *dwarf, const struct dwarf_unit *unit, struct matr_error *err)
{
	if (array_reserve(&dwarf->units, &dwarf->capacity, dwarf->n_units + 1, sizeof *dwarf->units,
			  err) != 0)
		return -1;
	dwarf->units[dwarf->n_units++] = *unit;
	return 0;
}

static int describe(struct elf_file *file, const struct dwarf_handle *handle, Dwarf_Die *die,
		    struct dwarf_unit *out, struct matr_error *err)
{
	Dwarf_Off first = dwarf_dieoffset(die), next = 0;
	Dwarf_Die root;
	size_t header_size = 0;

	*out = (struct dwarf_unit){.die = *die, .handle = handle};
	if (!dwarf_diecu(die, &root, &out->address_size, &out->offset_size))
		return dwarf_fail(file, "a unit", err);
	out->offset = first - dwarf_cuoffset(die);
	if (dwarf_next_unit(handle->dwarf, out->offset, &next, &header_size, &out->version, NULL,
			    NULL, NULL, NULL, NULL) != 0)
		return dwarf_fail(file, "a unit", err);
	const uint8_t *root_at = die->addr;
	size_t size = handle->info && root_at >= handle->info &&
				      root_at < handle->info + handle->info_size
			      ? handle->info_size
			      : 0;
	if (next > size)
		next = size;
	if (next < first || next - out->offset > UINT32_MAX)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "a unit of debugging information has an impossible size");
	out->end = next;
	out->cu_offset = out->offset;
	return 0;
}

/* Get the start of the skeleton's addresses in .debug_addr. */
static uint64_t address_base(Dwarf_Die *skeleton, unsigned version)
{
	Dwarf_Attribute attribute;
	Dwarf_Word base;

	if ((dwarf_attr(skeleton, DW_AT_addr_base, &attribute) ||
	     dwarf_attr(skeleton, DW_AT_GNU_addr_base, &attribute)) &&
	    dwarf_formudata(&attribute, &base) == 0)
		return base;
	return version < 5 ? 0 : 8;
}

/* Add the split unit of the skeleton that was just listed. */
static int add_split(struct elf_file *file, Dwarf_Die *skeleton, struct matr_error *err)
{
	struct dwarf_file *dwarf = file->dwarf;
	const struct elf_file *from = dwarf->separate ? dwarf->separate : file;
	struct dwarf_unit *before = &dwarf->units[dwarf->n_units - 1], unit;
	struct split_unit split;
	uint64_t size = dwarf->split.size;

	int result = dwarf_split_find(file, from, &dwarf->split, skeleton, &split, err);
	file->loaded += dwarf->split.size - size;
	if (result == 0) {
		before->missing = dwarf_split_name(skeleton);
		if (!before->missing)
			before->missing = "a file";
	}
	if (result <= 0)
		return result;
	if (!dwarf->addresses)
		dwarf->addresses =
			dwarf_open_section(&dwarf->handle, ".debug_addr", &dwarf->addresses_size);
	if (describe(file, split.handle, &split.die, &unit, err) < 0)
		return -1;
	unit.cu_offset = before->cu_offset;
	unit.base = (uint64_t)++dwarf->n_split << SPLIT_SHIFT;
	unit.is_split = true;
	unit.addresses = address_base(skeleton, before->version);
	unit.package = split.package;
	unit.in_package = split.in_package;
	return add_unit(dwarf, &unit, err);
}

/* Add the next unit of a file that is a package. Returns 1 if done, 0 if there are no more, -1 on
 * error. */
static int list_package(struct elf_file *file, struct matr_error *err)
{
	struct dwarf_file *dwarf = file->dwarf;
	const struct dwarf_package *package = dwarf->package;
	struct dwarf_unit unit;
	Dwarf_Die die;

	if (dwarf->all_listed || dwarf->n_units >= package->n_units)
		return 0;
	const struct package_unit *in_package = &package->units[dwarf->n_units];
	if (!dwarf_package_die(package, in_package, &die)) {
		dwarf->all_listed = true;
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "its index leads to no unit");
	}
	if (describe(file, &package->handle, &die, &unit, err) < 0) {
		dwarf->all_listed = true;
		return -1;
	}
	unit.is_split = true;
	unit.package = package;
	unit.in_package = in_package;
	return add_unit(dwarf, &unit, err) < 0 ? -1 : 1;
}

/* Add the next unit to the list. Returns 1 if done, 0 if there are no more, -1 on error. */
static int list_one(struct elf_file *file, struct matr_error *err)
{
	struct dwarf_file *dwarf = file->dwarf;
	struct dwarf_unit unit;
	Dwarf_Die die;
	Dwarf_Half version;
	uint8_t type;
	int result;

	if (dwarf->package)
		return list_package(file, err);
	if (dwarf->all_listed)
		return 0;
	result = dwarf_get_units(dwarf->handle.dwarf, dwarf->last, &dwarf->last, &version, &type,
				 &die, NULL);
	/* Units in .debug_types (DWARF 4) have offsets of another section. */
	if (result != 0 || (version < 5 && type == DW_UT_type)) {
		dwarf->all_listed = true;
		return result < 0 ? dwarf_fail(file, "debugging information", err) : 0;
	}
	if (describe(file, &dwarf->handle, &die, &unit, err) < 0) {
		dwarf->all_listed = true;
		return -1;
	}
	unit.is_skeleton = type == DW_UT_skeleton;
	if (add_unit(dwarf, &unit, err) < 0)
		return -1;
	return unit.is_skeleton && add_split(file, &die, err) < 0 ? -1 : 1;
}

int dwarf_unit_get(struct elf_file *file, size_t i, struct dwarf_unit **out, struct matr_error *err)
{
	while (i >= file->dwarf->n_units) {
		int result = list_one(file, err);
		if (result <= 0)
			return result;
	}
	*out = &file->dwarf->units[i];
	return 1;
}
