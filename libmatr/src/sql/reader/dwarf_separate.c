/* dwarf_separate.c - where gdb looks for separate debugging information (gdb manual, "Separate Debug Files"):
 * /usr/lib/debug/.build-id/, then the name in .gnu_debuglink beside the file, in .debug/ and below
 * /usr/lib/debug. A file is taken only if it is the right one: by build-id, or by the checksum.
 *
 * libdwfl would do this too, but maps the files it finds, and asks debuginfod servers.
 */
#include "sql/reader/dwarf_separate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sql/reader/elf_notes.h"

static const char debug_root[] = "/usr/lib/debug";

bool dwarf_is_in(const struct elf_file *file)
{
	static const char *const names[] = {".debug_info", ".zdebug_info", ".debug_info.dwo"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t section = elf_file_section_named(file, names[i]);
		if (section && file->sections[section].header.sh_type != SHT_NOBITS)
			return true;
	}
	return false;
}

/* Open a candidate; NULL where it is not there or of no use. */
static struct elf_file *try_file(const char *path)
{
	struct elf_file *file;
	struct matr_error err;

	if (elf_file_open(path, &file, &err) < 0)
		return NULL;
	if (dwarf_is_in(file))
		return file;
	elf_file_free(file);
	return NULL;
}

static struct elf_file *by_build_id(struct elf_file *file)
{
	char id[2 * MATR_BUILD_ID_MAX + 1], other[2 * MATR_BUILD_ID_MAX + 1], path[PATH_MAX];

	if (elf_build_id(file, id, NULL) <= 0 || strlen(id) < 4)
		return NULL;
	snprintf(path, sizeof path, "%s/.build-id/%.2s/%s.debug", debug_root, id, id + 2);
	struct elf_file *found = try_file(path);
	if (found && (elf_build_id(found, other, NULL) <= 0 || strcmp(id, other) != 0)) {
		elf_file_free(found);
		found = NULL;
	}
	return found;
}

static bool has_checksum(struct elf_file *file, uint32_t wanted)
{
	enum { PIECE = 1 << 18 };
	uint8_t *piece = malloc(PIECE);
	uLong sum = crc32(0, NULL, 0);
	int64_t got = piece ? 1 : 0;

	for (uint64_t at = 0; got > 0; at += (uint64_t)got) {
		got = elf_file_read(file, at, piece, PIECE, NULL);
		if (got > 0)
			sum = crc32(sum, piece, (uInt)got);
	}
	free(piece);
	return piece && got == 0 && sum == wanted;
}

static struct elf_file *try_link(const char *directory, const char *between, const char *name,
				 uint32_t checksum)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/%s%s", directory, between, name) >= (int)sizeof path)
		return NULL;
	struct elf_file *found = try_file(path);
	if (found && !has_checksum(found, checksum)) {
		elf_file_free(found);
		found = NULL;
	}
	return found;
}

static struct elf_file *by_link(struct elf_file *file)
{
	size_t section = elf_file_section_named(file, ".gnu_debuglink"), size;
	const uint8_t *bytes = section ? elf_file_bytes(file, section, &size, NULL) : NULL;

	if (!bytes)
		return NULL;
	size_t length = strnlen((const char *)bytes, size), at = (length + 4) & ~(size_t)3;
	if (length == 0 || length >= size || at + 4 > size || strchr((const char *)bytes, '/'))
		return NULL;
	bool big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;
	uint32_t sum = 0;
	for (size_t i = 0; i < 4; i++)
		sum = sum << 8 | bytes[at + (big ? i : 3 - i)];

	char *real = realpath(file->path, NULL), *slash = real ? strrchr(real, '/') : NULL;
	struct elf_file *found = NULL;
	if (slash) {
		char global[PATH_MAX];
		const char *name = (const char *)bytes;
		*slash = 0;
		found = strcmp(slash + 1, name) != 0 ? try_link(real, "", name, sum) : NULL;
		if (!found)
			found = try_link(real, ".debug/", name, sum);
		if (!found &&
		    snprintf(global, sizeof global, "%s%s", debug_root, real) < (int)sizeof global)
			found = try_link(global, "", name, sum);
	}
	free(real);
	return found;
}

int dwarf_separate_open(struct elf_file *file, struct elf_file **out, struct matr_error *err)
{
	(void)err;
	*out = by_build_id(file);
	if (!*out)
		*out = by_link(file);
	return *out != NULL;
}
