/* dwarf_split.c - search for split units as gdb does: in PROGRAM.dwp, then in the .dwo file, which
 * is looked for beside the file with the skeleton and in the compilation directory.
 *
 * libdw finds .dwo files too, but maps them.
 */
#include "sql/reader/dwarf_split.h"

#include <dwarf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path.h"

static const char debug_root[] = "/usr/lib/debug";

/* Open a file if there is one. Warns about a file that cannot be read. */
static struct elf_file *try_file(const struct elf_file *file, const char *path)
{
	struct elf_file *found;
	struct matr_error warning;

	if (elf_file_open(path, &found, &warning) == 0)
		return found;
	if (warning.code != MATR_ERROR_SYSTEM)
		elf_file_warn(file, &warning);
	return NULL;
}

/* ---- packages ---- */

static int try_package(const struct elf_file *file, const char *path, struct dwarf_split *split,
		       struct matr_error *err)
{
	struct matr_error warning;
	struct elf_file *found = try_file(file, path);

	if (!found)
		return 0;
	split->package = dwarf_package_open(found, &warning);
	elf_file_free(found);
	if (split->package) {
		split->size += split->package->handle.size;
		return 1;
	}
	if (warning.code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, &warning);
	elf_file_warn(file, &warning);
	return 0;
}

/* Try the file's name, its canonical name, the name of the separate debug file, and the debug
 * directory, in this order. */
static int find_package(const struct elf_file *file, const struct elf_file *from,
			struct dwarf_split *split, struct matr_error *err)
{
	char path[PATH_MAX], *real = realpath(file->path, NULL);
	const char *const names[] = {file->path, real, from != file ? from->path : NULL};
	int result = 0;

	split->looked_for_package = true;
	for (size_t i = 0; i < sizeof names / sizeof *names && result == 0; i++)
		if (names[i] && snprintf(path, sizeof path, "%s.dwp", names[i]) < (int)sizeof path)
			result = try_package(file, path, split, err);
	const char *name = path_name(real ? real : file->path);
	if (result == 0 && strchr(real ? real : file->path, '/') &&
	    snprintf(path, sizeof path, "%s/%s.dwp", debug_root, name) < (int)sizeof path)
		result = try_package(file, path, split, err);
	free(real);
	return result < 0 ? -1 : 0;
}

/* ---- .dwo files ---- */

/* Find the unit with that identifier in a .dwo file. */
static bool find_in_file(Dwarf *dwarf, uint64_t id, Dwarf_Die *out)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
		uint64_t found;
		if (type == DW_UT_split_compile &&
		    dwarf_cu_info(unit, NULL, NULL, NULL, NULL, &found, NULL, NULL) == 0 &&
		    found == id) {
			*out = die;
			return true;
		}
	}
	return false;
}

/* Takes over *handle. */
static int keep_file(struct dwarf_split *split, struct dwarf_handle *handle, struct matr_error *err)
{
	struct dwarf_handle *kept = malloc(sizeof *kept);

	if (!kept ||
	    array_grow(&split->files, split->n_files, sizeof(struct dwarf_handle *), err) != 0) {
		free(kept);
		dwarf_close(handle);
		return matr_fail_memory(err);
	}
	*kept = *handle;
	split->files[split->n_files++] = kept;
	split->size += kept->size;
	return 0;
}

static int try_split(const struct elf_file *file, const char *path, uint64_t id,
		     struct dwarf_split *split, struct split_unit *out, struct matr_error *err)
{
	struct matr_error warning = {0};
	struct dwarf_handle handle;
	struct elf_file *found = try_file(file, path);

	if (!found)
		return 0;
	/* Copy it: a program may have more .dwo files than there are descriptors. */
	int result = dwarf_copy(found, dwarf_is_section, &handle, &warning);
	if (result == 0)
		result = dwarf_open_copy(found, &handle, &warning);
	elf_file_free(found);
	if (result == 0 && find_in_file(handle.dwarf, id, &out->die)) {
		if (keep_file(split, &handle, err) < 0)
			return -1;
		out->handle = split->files[split->n_files - 1];
		return 1;
	}
	dwarf_close(&handle);
	if (result < 0 && warning.code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, &warning);
	if (result < 0)
		elf_file_warn(file, &warning);
	return 0;
}

static bool join(char *path, size_t size, const char *directory, const char *name)
{
	int length = directory[0] ? snprintf(path, size, "%s/%s", directory, name)
				  : snprintf(path, size, "%s", name);

	return length >= 0 && (size_t)length < size;
}

static int find_file(const struct elf_file *file, const struct elf_file *from, const char *name,
		     const char *compiled_in, uint64_t id, struct dwarf_split *split,
		     struct split_unit *out, struct matr_error *err)
{
	char here[PATH_MAX], there[PATH_MAX], path[PATH_MAX];
	int result = 0;

	if (name[0] == '/')
		return try_split(file, name, id, split, out, err);
	snprintf(here, sizeof here, "%.*s", (int)path_directory(from->path), from->path);
	if (join(path, sizeof path, here, name))
		result = try_split(file, path, id, split, out, err);
	if (result != 0 || !compiled_in)
		return result;
	/* A relative compilation directory starts at the file with the skeleton. */
	if (!join(there, sizeof there, compiled_in[0] == '/' ? "" : here, compiled_in) ||
	    !join(path, sizeof path, there, name))
		return 0;
	return try_split(file, path, id, split, out, err);
}

/* ---- units ---- */

static const char *string_of(Dwarf_Die *die, unsigned code)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr(die, code, &attribute));
}

const char *dwarf_split_name(Dwarf_Die *skeleton)
{
	const char *name = string_of(skeleton, DW_AT_dwo_name);

	return name ? name : string_of(skeleton, DW_AT_GNU_dwo_name);
}

int dwarf_split_find(const struct elf_file *file, const struct elf_file *from,
		     struct dwarf_split *split, Dwarf_Die *skeleton, struct split_unit *out,
		     struct matr_error *err)
{
	const char *name = dwarf_split_name(skeleton);
	uint64_t id;

	*out = (struct split_unit){0};
	if (dwarf_cu_info(skeleton->cu, NULL, NULL, NULL, NULL, &id, NULL, NULL) != 0)
		return 0;
	if (!split->looked_for_package && find_package(file, from, split, err) < 0)
		return -1;
	const struct package_unit *unit =
		split->package ? dwarf_package_find(split->package, id) : NULL;
	if (unit && !dwarf_package_die(split->package, unit, &out->die)) {
		struct matr_error warning;
		matr_fail(&warning, MATR_ERROR_MALFORMED, split->package->path,
			  "a unit that its index leads to cannot be read");
		elf_file_warn(file, &warning);
	} else if (unit) {
		out->handle = &split->package->handle;
		out->package = split->package;
		out->in_package = unit;
		return 1;
	}
	return name ? find_file(file, from, name, string_of(skeleton, DW_AT_comp_dir), id, split,
				out, err)
		    : 0;
}

void dwarf_split_free(struct dwarf_split *split)
{
	for (size_t i = 0; i < split->n_files; i++) {
		dwarf_close(split->files[i]);
		free(split->files[i]);
	}
	free(split->files);
	dwarf_package_close(split->package);
	*split = (struct dwarf_split){0};
}
