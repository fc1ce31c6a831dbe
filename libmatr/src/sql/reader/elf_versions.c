/* elf_versions.c - the version names a file defines and needs.
 *
 * Both sections are chains of records with the distance of the next one. A chain only goes forward,
 * so that it ends.
 */
#include "sql/reader/elf_versions.h"

#include <stdlib.h>

#include "base/array.h"

struct versions {
	struct elf_version *list;
	size_t n, capacity;
};

static int add(struct versions *versions, struct elf_version version, struct matr_error *err)
{
	if (array_reserve(&versions->list, &versions->capacity, versions->n + 1,
			  sizeof *versions->list, err) != 0)
		return -1;
	versions->list[versions->n++] = version;
	return 0;
}

static int fail(const struct elf_file *file, const char *what, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "its %s are malformed", what);
}

static const char needs[] = "version requirements", definitions[] = "version definitions";

static int read_need(struct elf_file *file, size_t strings, Elf_Data *data, size_t offset,
		     const GElf_Verneed *need, struct versions *out, struct matr_error *err)
{
	const char *name = elf_file_string(file, strings, need->vn_file);
	GElf_Vernaux one;

	if (!name)
		return fail(file, needs, err);
	for (size_t i = 0, at = offset + need->vn_aux; i < need->vn_cnt; i++, at += one.vna_next) {
		if (at > data->d_size || !gelf_getvernaux(data, (int)at, &one))
			return fail(file, needs, err);
		struct elf_version version = {
			.name = elf_file_string(file, strings, one.vna_name),
			.file = name,
			.index = one.vna_other & 0x7fff,
			.flags = one.vna_flags,
		};
		if (!version.name)
			return fail(file, needs, err);
		if (add(out, version, err) < 0)
			return -1;
		if (one.vna_next == 0)
			break;
	}
	return 0;
}

static int read_needs(struct elf_file *file, size_t section, struct versions *out,
		      struct matr_error *err)
{
	const GElf_Shdr *header = &file->sections[section].header;
	Elf_Data *data = elf_file_data(file, section, ELF_T_VNEED, err);
	GElf_Verneed need;

	if (!data)
		return -1;
	for (size_t i = 0, at = 0; i < header->sh_info; i++, at += need.vn_next) {
		if (at > data->d_size || !gelf_getverneed(data, (int)at, &need))
			return fail(file, needs, err);
		if (read_need(file, header->sh_link, data, at, &need, out, err) < 0)
			return -1;
		if (need.vn_next == 0)
			break;
	}
	return 0;
}

static int read_definitions(struct elf_file *file, size_t section, struct versions *out,
			    struct matr_error *err)
{
	const GElf_Shdr *header = &file->sections[section].header;
	Elf_Data *data = elf_file_data(file, section, ELF_T_VDEF, err);
	GElf_Verdef definition;
	GElf_Verdaux name;

	if (!data)
		return -1;
	for (size_t i = 0, at = 0; i < header->sh_info; i++, at += definition.vd_next) {
		if (at > data->d_size || !gelf_getverdef(data, (int)at, &definition) ||
		    at + definition.vd_aux > data->d_size ||
		    !gelf_getverdaux(data, (int)(at + definition.vd_aux), &name))
			return fail(file, definitions, err);
		struct elf_version version = {
			.name = elf_file_string(file, header->sh_link, name.vda_name),
			.index = definition.vd_ndx & 0x7fff,
			.flags = definition.vd_flags,
		};
		if (!version.name)
			return fail(file, definitions, err);
		if (add(out, version, err) < 0)
			return -1;
		if (definition.vd_next == 0)
			break;
	}
	return 0;
}

int elf_versions_read(struct elf_file *file, struct elf_version **out, size_t *n,
		      struct matr_error *err)
{
	size_t need = elf_file_section(file, SHT_GNU_verneed),
	       definition = elf_file_section(file, SHT_GNU_verdef);
	struct versions versions = {0};

	if ((need && read_needs(file, need, &versions, err) < 0) ||
	    (definition && read_definitions(file, definition, &versions, err) < 0)) {
		free(versions.list);
		return -1;
	}
	*out = versions.list;
	*n = versions.n;
	return 0;
}
