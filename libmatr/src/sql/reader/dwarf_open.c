/* dwarf_open.c - checks and copies before libdw reads a file. */
#include "sql/reader/dwarf_open.h"

#include <stdlib.h>
#include <string.h>

#include "sql/reader/dwarf_relocate.h"
#include "sql/reader/elf_decompress.h"

int dwarf_fail(const struct elf_file *file, const char *what, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "%s: %s", what, dwarf_errmsg(-1));
}

bool dwarf_is_section(const struct elf_section *section)
{
	static const char *const names[] = {".debug", ".zdebug", ".gnu_debug"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(section->name, names[i], strlen(names[i])) == 0)
			return section->header.sh_type != SHT_NOBITS;
	return false;
}

/* Check sizes, since libdw reads all sections of debugging information at once. Sets *zstd if a
 * section is compressed with zstd, which libdw may not support. */
static int check_sections(struct elf_file *file, bool *zstd, struct matr_error *err)
{
	struct elf_compression compression;
	uint64_t sum = 0;

	*zstd = false;
	for (size_t i = 1; i < file->n_sections; i++) {
		const struct elf_section *section = &file->sections[i];
		if (!dwarf_is_section(section))
			continue;
		if (section->header.sh_offset > file->id.size ||
		    section->header.sh_size > file->id.size - section->header.sh_offset)
			return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
					 "is truncated or malformed: section %zu (%s) does not lie "
					 "within the file",
					 i, section->name);
		sum += section->header.sh_size;
		if (sum > file->id.size)
			return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
					 "its sections overlap: they are larger than the file");
		if (elf_compression_of(file, i, &compression, err) < 0)
			return -1;
		*zstd |= compression.type == COMPRESSED_ZSTD;
	}
	return 0;
}

static bool any_section(const struct elf_section *section)
{
	(void)section;
	return true;
}

/* Reject a string section without a final NUL: libdw 0.188 would read past its end. */
static int check_contents(const struct elf_file *file, struct dwarf_handle *handle,
			  struct matr_error *err)
{
	static const char *const names[] = {".debug_str", ".debug_line_str", ".debug_str.dwo",
					    ".debug_line_str.dwo"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t size = 0;
		const uint8_t *bytes = dwarf_open_section(handle, names[i], &size);
		if (bytes && size && bytes[size - 1])
			return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
					 "the last string of %s has no end", names[i]);
	}
	handle->info = dwarf_open_section(handle, ".debug_info", &handle->info_size);
	if (!handle->info)
		handle->info = dwarf_open_section(handle, ".debug_info.dwo", &handle->info_size);
	return 0;
}

/* Keep libdwfl from searching: it may ask debuginfod servers. */
static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word checksum, char **found)
{
	(void)module;
	(void)data;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)checksum;
	(void)found;
	return -1;
}

/* Test for relocations too: files that dwz writes are ET_REL, but need none applied. */
static bool is_relocatable(const struct elf_file *file)
{
	return file->header.e_type == ET_REL && elf_file_section_named(file, ".debug_info") &&
	       (elf_file_section(file, SHT_RELA) || elf_file_section(file, SHT_REL));
}

/* Let libdwfl apply relocations, on which strings of object files depend. It gets a copy, since
 * it would map the file. */
static int open_relocatable(struct elf_file *file, struct dwarf_handle *out, struct matr_error *err)
{
	static const Dwfl_Callbacks callbacks = {
		.section_address = dwfl_offline_section_address,
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = find_nothing,
	};
	Dwarf_Addr bias;

	if (elf_image_make(file, any_section, &out->image, err) < 0)
		return -1;
	out->size = out->image.size;
	if (dwarf_relocates(file))
		return dwarf_relocate(file, &out->image, err) < 0 ? -1
								  : dwarf_open_copy(file, out, err);
	out->dwfl = dwfl_begin(&callbacks);
	if (out->dwfl) {
		dwfl_report_begin(out->dwfl);
		out->module = dwfl_report_offline_memory(out->dwfl, "", file->path,
							 out->image.bytes, out->image.size);
		dwfl_report_end(out->dwfl, NULL, NULL);
	}
	out->dwarf = out->module ? dwfl_module_getdwarf(out->module, &bias) : NULL;
	if (!out->dwarf)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "debugging information: %s",
				 dwfl_errmsg(-1));
	if (dwarf_check_relocated(file, dwarf_getelf(out->dwarf), err) < 0)
		return -1;
	return check_contents(file, out, err);
}

bool dwarf_open_holds(const struct dwarf_handle *handle, const char *text)
{
	const char *start = (const char *)handle->info;

	if (!start || text < start || text >= start + handle->info_size)
		return false;
	return memchr(text, 0, handle->info_size - (size_t)(text - start)) != NULL;
}

int dwarf_open_copy(const struct elf_file *file, struct dwarf_handle *handle,
		    struct matr_error *err)
{
	handle->dwarf = dwarf_begin_elf(handle->image.elf, DWARF_C_READ, NULL);
	return handle->dwarf ? check_contents(file, handle, err)
			     : dwarf_fail(file, "debugging information", err);
}

int dwarf_copy(struct elf_file *file, bool (*wanted)(const struct elf_section *section),
	       struct dwarf_handle *out, struct matr_error *err)
{
	bool zstd;

	*out = (struct dwarf_handle){0};
	if (check_sections(file, &zstd, err) < 0 ||
	    elf_image_make(file, wanted, &out->image, err) < 0)
		return -1;
	out->size = out->image.size;
	return 0;
}

static int open_in_place(struct elf_file *file, struct dwarf_handle *out, struct matr_error *err)
{
	out->size = file->id.size;
	out->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	return out->dwarf ? check_contents(file, out, err)
			  : dwarf_fail(file, "debugging information", err);
}

int dwarf_open(struct elf_file *file, struct dwarf_handle *out, struct matr_error *err)
{
	bool zstd;
	int result;

	*out = (struct dwarf_handle){0};
	if (check_sections(file, &zstd, err) < 0)
		return -1;
	if (is_relocatable(file))
		result = open_relocatable(file, out, err);
	else if (!zstd)
		result = open_in_place(file, out, err);
	else if ((result = dwarf_copy(file, dwarf_is_section, out, err)) == 0)
		result = dwarf_open_copy(file, out, err);
	if (result < 0)
		dwarf_close(out);
	return result;
}

void dwarf_close(struct dwarf_handle *handle)
{
	if (handle->dwfl)
		dwfl_end(handle->dwfl);
	else
		dwarf_end(handle->dwarf);
	elf_image_free(&handle->image);
	*handle = (struct dwarf_handle){0};
}

uint64_t dwarf_open_address(const struct dwarf_handle *handle, uint64_t address, bool last)
{
	Dwarf_Addr offset = last && address ? address - 1 : address;

	if (!handle->module || dwfl_module_relocate_address(handle->module, &offset) < 0)
		return address;
	return last && address ? offset + 1 : offset;
}

const uint8_t *dwarf_open_section(const struct dwarf_handle *handle, const char *name, size_t *size)
{
	Elf *elf = dwarf_getelf(handle->dwarf);
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header))
			continue;
		const char *found = elf_strptr(elf, names, header.sh_name);
		/* .zdebug_NAME is .debug_NAME, and decompressed by now. */
		if (!found || (strcmp(found, name) != 0 &&
			       (strncmp(found, ".z", 2) != 0 || strcmp(found + 2, name + 1) != 0)))
			continue;
		Elf_Data *data = elf_getdata(section, NULL);
		if (!data || !data->d_buf)
			return NULL;
		*size = data->d_size;
		return data->d_buf;
	}
	return NULL;
}
