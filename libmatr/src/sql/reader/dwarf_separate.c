/* dwarf_separate.c - where gdb looks for separate debugging information (gdb manual, "Separate
 * Debug Files"): /usr/lib/debug/.build-id/, then the name in .gnu_debuglink beside the file, in
 * .debug/ and below /usr/lib/debug. A file is taken only if it is the right one: by build-id, or
 * by the checksum.
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

/* Open the file at the path if it has that build-id (hexadecimal). */
static struct elf_file *try_build_id(const char *path, const char *id)
{
	char other[2 * MATR_BUILD_ID_MAX + 1];
	struct elf_file *found = try_file(path);

	if (found && (elf_build_id(found, other, NULL) <= 0 || strcmp(id, other) != 0)) {
		elf_file_free(found);
		found = NULL;
	}
	return found;
}

static struct elf_file *find_build_id(const char *id)
{
	char path[PATH_MAX];

	if (strlen(id) < 4)
		return NULL;
	snprintf(path, sizeof path, "%s/.build-id/%.2s/%s.debug", debug_root, id, id + 2);
	return try_build_id(path, id);
}

static struct elf_file *by_build_id(struct elf_file *file)
{
	char id[2 * MATR_BUILD_ID_MAX + 1];

	return elf_build_id(file, id, NULL) > 0 ? find_build_id(id) : NULL;
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

/* ---- content that dwz has moved away ---- */

struct reference {
	const char *name; /* of the file */
	const uint8_t *id;
	size_t id_size;
};

/* Parse .gnu_debugaltlink: a name, then a build-id. */
static bool read_altlink(const uint8_t *bytes, size_t size, struct reference *out)
{
	size_t length = strnlen((const char *)bytes, size);

	if (length == 0 || length + 1 >= size)
		return false;
	*out = (struct reference){(const char *)bytes, bytes + length + 1, size - length - 1};
	return true;
}

/* Parse .debug_sup (DWARF 5, 7.3.6): a version, a flag that is set in the supplementary file
 * itself, the name of that file, and a checksum with its length. */
static bool read_supplementary(const uint8_t *bytes, size_t size, bool is_other,
			       struct reference *out)
{
	if (size < 5 || bytes[2] != is_other)
		return false;
	size_t at = 3 + strnlen((const char *)bytes + 3, size - 3) + 1;
	if (at >= size || bytes[at] >= 0x80 || size - at - 1 < bytes[at])
		return false;
	*out = (struct reference){(const char *)bytes + 3, bytes + at + 1, bytes[at]};
	return true;
}

static const uint8_t *read_section(struct elf_file *file, const char *name, size_t *size)
{
	size_t section = elf_file_section_named(file, name);

	return section && file->sections[section].header.sh_type != SHT_NOBITS
		       ? elf_file_bytes(file, section, size, NULL)
		       : NULL;
}

static bool read_reference(struct elf_file *file, struct reference *out)
{
	size_t size;
	const uint8_t *bytes = read_section(file, ".gnu_debugaltlink", &size);

	if (bytes)
		return read_altlink(bytes, size, out);
	bytes = read_section(file, ".debug_sup", &size);
	return bytes && read_supplementary(bytes, size, false, out);
}

/* Open the file at the path if its build-id or its .debug_sup checksum is the one referred to. */
static struct elf_file *try_alternate(const char *path, const struct reference *reference,
				      const char *id)
{
	struct elf_file *found = try_file(path);
	char other[2 * MATR_BUILD_ID_MAX + 1];
	struct reference own;
	size_t size;

	if (!found || (elf_build_id(found, other, NULL) > 0 && strcmp(id, other) == 0))
		return found;
	const uint8_t *bytes = read_section(found, ".debug_sup", &size);
	if (bytes && read_supplementary(bytes, size, true, &own) &&
	    own.id_size == reference->id_size && memcmp(own.id, reference->id, own.id_size) == 0)
		return found;
	elf_file_free(found);
	return NULL;
}

int dwarf_alternate_open(struct elf_file *file, struct elf_file **out, struct matr_error *err)
{
	struct reference reference;
	char id[2 * MATR_BUILD_ID_MAX + 1], path[PATH_MAX];

	*out = NULL;
	if (!read_reference(file, &reference))
		return 0;
	if (reference.id_size > MATR_BUILD_ID_MAX)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "a build-id of %zu bytes for %s", reference.id_size,
				 reference.name);
	elf_note_hex(id, reference.id, reference.id_size);
	/* A relative name starts at the directory of the canonical path. */
	char *real = realpath(file->path, NULL), *slash = real ? strrchr(real, '/') : NULL;
	if (slash)
		slash[reference.name[0] == '/' ? 0 : 1] = 0;
	const char *directory = slash && reference.name[0] != '/' ? real : "";
	if (snprintf(path, sizeof path, "%s%s", directory, reference.name) < (int)sizeof path)
		*out = try_alternate(path, &reference, id);
	free(real);
	if (!*out)
		*out = find_build_id(id);
	if (*out)
		return 1;
	return matr_fail(err, MATR_ERROR_NOT_FOUND, file->path,
			 "a part of its debugging information is in %s, which is not found",
			 reference.name);
}
