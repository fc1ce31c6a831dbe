/* symbol_version.c - the version names that .gnu.version indices stand for.
 *
 * DT_VERNEED and DT_VERDEF are linked lists of lists. ld.so follows the links and looks at no
 * count, so we follow the links too. Links only lead forward, but a hostile file could make them
 * overlap by the million. A version index has 15 bits, so more entries than that are useless and
 * are refused.
 */
#include "elf/reader.h"

#include <string.h>

enum {
	VERSION_INDEX = 0x7fff, /* the index in .gnu.version, vna_other and vd_ndx */
	VERSION_HIDDEN = 0x8000,
	FIRST_VERSION = 2, /* 0 is "local", 1 "global" or the base version */
	ENTRIES_MAX = 2 * (VERSION_INDEX + 1),
};

/* One pass over a list: the first finds the highest index, the second fills the array. */
struct version_pass {
	struct matr_version *versions; /* NULL while counting */
	size_t n;		       /* highest index + 1 */
	size_t n_entries;	       /* seen so far, in all lists */
};

static int count_entry(struct elf_reader *reader, struct version_pass *pass)
{
	if (++pass->n_entries <= ENTRIES_MAX)
		return 0;
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
			 "has more version entries than there are version indices");
}

/* Follow a link: `next` bytes on from `at`. */
static int follow(struct elf_reader *reader, uint64_t *at, uint32_t next)
{
	if (*at > UINT64_MAX - next)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "a version table wraps around the address space");
	*at += next;
	return 0;
}

static int add_version(struct elf_reader *reader, struct version_pass *pass, uint16_t index,
		       uint32_t name, const struct matr_version *version)
{
	if (index < FIRST_VERSION)
		return 0;
	if (pass->n <= index)
		pass->n = index + 1u;
	if (!pass->versions)
		return 0;
	pass->versions[index] = *version;
	pass->versions[index].name = elf_reader_string(reader, name, "a version name");
	return pass->versions[index].name ? 0 : -1;
}

static int read_needed_of(struct elf_reader *reader, uint64_t at, const char *file,
			  struct version_pass *pass)
{
	Elf64_Vernaux entry;

	do {
		if (count_entry(reader, pass) != 0 ||
		    elf_reader_copy(reader, at, &entry, sizeof entry, "a needed version") != 0 ||
		    add_version(reader, pass, entry.vna_other & VERSION_INDEX, entry.vna_name,
				&(struct matr_version){
					.file = file,
					.hash = entry.vna_hash,
					.hidden = entry.vna_other & VERSION_HIDDEN,
					.weak = entry.vna_flags & VER_FLG_WEAK,
				}) != 0 ||
		    follow(reader, &at, entry.vna_next) != 0)
			return -1;
	} while (entry.vna_next != 0);
	return 0;
}

static int read_needed_list(struct elf_reader *reader, struct version_pass *pass)
{
	Elf64_Verneed entry;
	uint64_t at;

	if (!elf_dynamic_value(reader->object, DT_VERNEED, &at))
		return 0;
	do {
		const char *file;
		uint64_t first = at;

		if (count_entry(reader, pass) != 0 ||
		    elf_reader_copy(reader, at, &entry, sizeof entry, "DT_VERNEED") != 0)
			return -1;
		if (entry.vn_version != VER_NEED_CURRENT)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_VERNEED has the unknown version %u", entry.vn_version);
		file = elf_reader_string(reader, entry.vn_file, "the file of a needed version");
		if (!file || follow(reader, &first, entry.vn_aux) != 0 ||
		    read_needed_of(reader, first, file, pass) != 0 ||
		    follow(reader, &at, entry.vn_next) != 0)
			return -1;
	} while (entry.vn_next != 0);
	return 0;
}

static int read_defined_list(struct elf_reader *reader, struct version_pass *pass)
{
	Elf64_Verdef entry;
	Elf64_Verdaux name;
	uint64_t at;

	if (!elf_dynamic_value(reader->object, DT_VERDEF, &at))
		return 0;
	do {
		uint64_t first = at;

		if (count_entry(reader, pass) != 0 ||
		    elf_reader_copy(reader, at, &entry, sizeof entry, "DT_VERDEF") != 0)
			return -1;
		if (entry.vd_version != VER_DEF_CURRENT)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_VERDEF has the unknown version %u", entry.vd_version);
		/* The base version is the file itself: no symbol can ask for it. Of the names only
		 * the first is the version's own; the others are its parents. */
		if (!(entry.vd_flags & VER_FLG_BASE) &&
		    (follow(reader, &first, entry.vd_aux) != 0 ||
		     elf_reader_copy(reader, first, &name, sizeof name, "a version name") != 0 ||
		     add_version(reader, pass, entry.vd_ndx & VERSION_INDEX, name.vda_name,
				 &(struct matr_version){
					 .hash = entry.vd_hash,
					 .weak = entry.vd_flags & VER_FLG_WEAK,
					 .defined = true,
				 }) != 0))
			return -1;
		if (follow(reader, &at, entry.vd_next) != 0)
			return -1;
	} while (entry.vd_next != 0);
	return 0;
}

int elf_read_versions(struct elf_reader *reader)
{
	struct matr_object *object = reader->object;
	struct version_pass count = {0}, fill = {0};

	/* Needed versions first, as in ld.so: where both claim an index, the definition wins. */
	if (read_needed_list(reader, &count) != 0 || read_defined_list(reader, &count) != 0)
		return -1;
	fill.versions = elf_reader_allocate(reader, count.n, sizeof *object->versions);
	if (!fill.versions)
		return -1;
	object->versions = fill.versions;
	object->n_versions = count.n;
	if (read_needed_list(reader, &fill) != 0 || read_defined_list(reader, &fill) != 0)
		return -1;
	return 0;
}

const struct matr_version *matr_object_symbol_version(const struct matr_object *object,
						      const struct matr_symbol *symbol)
{
	size_t index = symbol->version & VERSION_INDEX;

	if (!(object->flags & MATR_OBJECT_VERSIONED) || index < FIRST_VERSION ||
	    index >= object->n_versions || !object->versions[index].name)
		return NULL;
	return &object->versions[index];
}
