/* dynamic_sections.c - find tables through PT_DYNAMIC, as ld.so and `readelf -D` do.
 *
 * The dynamic section has the addresses of all tables, but not all sizes. The hash tables give the
 * number of symbols. An empty DT_GNU_HASH does not, since it leaves out imported symbols: then
 * the symbol table is taken to end at the next table.
 */
#include "sql/reader/dynamic_sections.h"

#include <stdlib.h>

#include "sql/reader/elf_dynamic.h"

enum {
	/* Without the notes: section 0, .dynamic, and what it leads to. */
	MOST_SECTIONS = 13,
	N_TAGS = 40,
};

struct maker {
	struct elf_file *file;
	uint64_t values[N_TAGS]; /* of the tags below, by number */
	bool has[N_TAGS];
	uint64_t gnu_hash, versions, needs, n_needs, definitions, n_definitions, mips_symbols;
	uint64_t dynamic;  /* its address */
	GElf_Phdr segment; /* the one found last */
	bool has_segment;
	uint8_t piece[4096]; /* of the file, read last */
	uint64_t piece_at;
	size_t piece_size;
	size_t strings, symbols; /* section numbers */
	struct matr_error *err;
	int result; /* -1: a table was left out */
};

static struct elf_section *add(struct elf_file *file, const char *name, uint32_t type)
{
	struct elf_section *section = &file->sections[file->n_sections++];

	*section = (struct elf_section){.name = name};
	section->header.sh_type = type;
	section->header.sh_flags = SHF_ALLOC;
	section->header.sh_addralign = 1;
	return section;
}

/* Find the segment that has the address in the file, the one found last first. NULL if none has. */
static const GElf_Phdr *segment_of(struct maker *maker, uint64_t address)
{
	GElf_Phdr *segment = &maker->segment;

	if (maker->has_segment && address >= segment->p_vaddr &&
	    address - segment->p_vaddr < segment->p_filesz)
		return segment;
	for (size_t i = 0; i < maker->file->n_segments; i++) {
		maker->has_segment = gelf_getphdr(maker->file->elf, (int)i, segment) &&
				     segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
				     address - segment->p_vaddr < segment->p_filesz;
		if (maker->has_segment)
			return segment;
	}
	return NULL;
}

/* Convert an address to a file offset. *size: bytes from there to the end of the segment. */
static bool find_address(struct maker *maker, uint64_t address, uint64_t *offset, uint64_t *size)
{
	const GElf_Phdr *segment = segment_of(maker, address);

	if (!segment)
		return false;
	uint64_t in_segment = address - segment->p_vaddr, file_size = maker->file->id.size;
	if (segment->p_offset > file_size || in_segment >= file_size - segment->p_offset)
		return false;
	*offset = segment->p_offset + in_segment;
	*size = segment->p_filesz - in_segment;
	if (*size > file_size - *offset)
		*size = file_size - *offset;
	return true;
}

static void leave_out(struct maker *maker, const char *what)
{
	maker->result =
		matr_fail(maker->err, MATR_ERROR_MALFORMED, maker->file->path,
			  "has no section headers, and %s does not lie within the file", what);
}

/* Add the table at an address. NULL if it does not lie within the file. */
static struct elf_section *add_table(struct maker *maker, const char *name, uint32_t type,
				     uint64_t address, uint64_t size)
{
	uint64_t offset, there;

	if (size == 0)
		return NULL;
	if (!find_address(maker, address, &offset, &there) || there < size) {
		leave_out(maker, name);
		return NULL;
	}
	struct elf_section *section = add(maker->file, name, type);
	section->header.sh_addr = address;
	section->header.sh_offset = offset;
	section->header.sh_size = size;
	section->header.sh_link = (uint32_t)maker->strings;
	return section;
}

static bool is_wide(const struct elf_file *file)
{
	return file->header.e_ident[EI_CLASS] == ELFCLASS64;
}

/* Read a number of 4 or 8 bytes at an address. */
static bool read_word(struct maker *maker, uint64_t address, unsigned bytes, uint64_t *out)
{
	uint64_t offset, there;
	bool big = maker->file->header.e_ident[EI_DATA] == ELFDATA2MSB;

	if (!find_address(maker, address, &offset, &there) || there < bytes)
		return false;
	if (offset < maker->piece_at || offset + bytes > maker->piece_at + maker->piece_size) {
		int64_t got =
			elf_file_read(maker->file, offset, maker->piece, sizeof maker->piece, NULL);
		if (got < (int64_t)bytes)
			return false;
		maker->piece_at = offset;
		maker->piece_size = (size_t)got;
	}
	const uint8_t *word = maker->piece + (offset - maker->piece_at);
	*out = 0;
	for (unsigned i = 0; i < bytes; i++)
		*out = *out << 8 | word[big ? i : bytes - 1 - i];
	return true;
}

/* ---- the number of symbols ---- */

/* DT_HASH has as many chains as symbols. Its words have 8 bytes on two machines. */
static uint64_t count_hash(struct maker *maker)
{
	unsigned machine = maker->file->header.e_machine;
	unsigned word = is_wide(maker->file) && (machine == EM_ALPHA || machine == EM_S390) ? 8 : 4;
	uint64_t n = 0;

	return read_word(maker, maker->values[DT_HASH] + word, word, &n) ? n : 0;
}

/* The last symbol of DT_GNU_HASH ends the chain that starts last. Returns 0 if there is no
 * chain. */
static uint64_t count_gnu_hash(struct maker *maker)
{
	uint64_t n_buckets, first, bloom, last = 0, word;
	uint64_t at = maker->gnu_hash, offset, there;

	if (!read_word(maker, at, 4, &n_buckets) || !read_word(maker, at + 4, 4, &first) ||
	    !read_word(maker, at + 8, 4, &bloom))
		return 0;
	at += 16 + bloom * (is_wide(maker->file) ? 8 : 4);
	if (!find_address(maker, at, &offset, &there) || there / 4 < n_buckets)
		return 0;
	for (uint64_t i = 0; i < n_buckets; i++)
		if (read_word(maker, at + 4 * i, 4, &word) && word > last)
			last = word;
	if (last < first || last == 0)
		return 0;
	at += 4 * n_buckets;
	for (; read_word(maker, at + 4 * (last - first), 4, &word); last++)
		if (word & 1)
			return last + 1;
	return 0;
}

/* Find the next table behind an address. UINT64_MAX if there is none. */
static uint64_t next_table(const struct maker *maker, uint64_t address)
{
	static const unsigned tags[] = {DT_HASH,	 DT_STRTAB, DT_SYMTAB,	   DT_RELA,
					DT_REL,		 DT_RELR,   DT_JMPREL,	   DT_PLTGOT,
					DT_INIT,	 DT_FINI,   DT_INIT_ARRAY, DT_FINI_ARRAY,
					DT_PREINIT_ARRAY};
	const uint64_t others[] = {maker->gnu_hash, maker->versions, maker->needs,
				   maker->definitions, maker->dynamic};
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (maker->has[tags[i]] && maker->values[tags[i]] > address &&
		    maker->values[tags[i]] < next)
			next = maker->values[tags[i]];
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (others[i] > address && others[i] < next)
			next = others[i];
	return next;
}

/* Get the most bytes that a table of unknown size can have. */
static uint64_t most_bytes(struct maker *maker, uint64_t address)
{
	uint64_t offset, there, next = next_table(maker, address);

	if (!find_address(maker, address, &offset, &there))
		return 0;
	return next - address < there ? next - address : there;
}

/* Count symbols up to the next table, or to the first without a name. */
static uint64_t count_to_next(struct maker *maker, uint64_t entry)
{
	uint64_t symbols = maker->values[DT_SYMTAB], name;
	uint64_t most = most_bytes(maker, symbols) / entry, n = 0;

	while (n < most && read_word(maker, symbols + n * entry, 4, &name) &&
	       name < maker->values[DT_STRSZ])
		n++;
	return n;
}

static uint64_t count_symbols(struct maker *maker, uint64_t entry)
{
	uint64_t n = maker->mips_symbols;

	if (n == 0 && maker->has[DT_HASH])
		n = count_hash(maker);
	if (n == 0 && maker->gnu_hash)
		n = count_gnu_hash(maker);
	return n ? n : count_to_next(maker, entry);
}

/* ---- tables ---- */

/* Take the last of several entries with the same tag, as ld.so does. */
static void read_entries(struct maker *maker, const struct elf_dynamic *dynamic)
{
	unsigned machine = maker->file->header.e_machine;
	GElf_Dyn entry;

	for (size_t i = 0; i < dynamic->n; i++) {
		elf_dynamic_get(dynamic, i, &entry);
		uint64_t value = entry.d_un.d_val;
		/* libelf sign-extends the tags of 32-bit files. */
		switch ((uint32_t)entry.d_tag) {
		case DT_GNU_HASH:
			maker->gnu_hash = value;
			break;
		case DT_VERSYM:
			maker->versions = value;
			break;
		case DT_VERNEED:
			maker->needs = value;
			break;
		case DT_VERNEEDNUM:
			maker->n_needs = value;
			break;
		case DT_VERDEF:
			maker->definitions = value;
			break;
		case DT_VERDEFNUM:
			maker->n_definitions = value;
			break;
		case DT_MIPS_SYMTABNO:
			if (machine == EM_MIPS || machine == EM_MIPS_RS3_LE)
				maker->mips_symbols = value;
			break;
		default:
			if (entry.d_tag >= 0 && entry.d_tag < N_TAGS) {
				maker->values[entry.d_tag] = value;
				maker->has[entry.d_tag] = true;
			}
			break;
		}
	}
}

static void add_symbols(struct maker *maker)
{
	struct elf_file *file = maker->file;
	uint64_t entry = gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT), n;

	if (!maker->has[DT_SYMTAB])
		return;
	n = count_symbols(maker, entry);
	if (n > file->id.size / entry) {
		leave_out(maker, ".dynsym");
		return;
	}
	if (!add_table(maker, ".dynsym", SHT_DYNSYM, maker->values[DT_SYMTAB], n * entry))
		return;
	maker->symbols = file->n_sections - 1;
	if (maker->versions)
		add_table(maker, ".gnu.version", SHT_GNU_versym, maker->versions, n * 2);
}

static void add_versions(struct maker *maker)
{
	struct elf_section *section;

	if (maker->needs) {
		section = add_table(maker, ".gnu.version_r", SHT_GNU_verneed, maker->needs,
				    most_bytes(maker, maker->needs));
		if (section)
			section->header.sh_info = (uint32_t)maker->n_needs;
	}
	if (maker->definitions) {
		section = add_table(maker, ".gnu.version_d", SHT_GNU_verdef, maker->definitions,
				    most_bytes(maker, maker->definitions));
		if (section)
			section->header.sh_info = (uint32_t)maker->n_definitions;
	}
}

static void add_relocation_table(struct maker *maker, const char *name, uint32_t type, unsigned tag,
				 uint64_t size)
{
	if (!maker->has[tag])
		return;
	struct elf_section *section = add_table(maker, name, type, maker->values[tag], size);
	if (section)
		section->header.sh_link = (uint32_t)maker->symbols;
}

/* Subtract DT_JMPREL from the table if it is the table's end, so that nothing counts twice. */
static uint64_t size_without_plt(const struct maker *maker, unsigned tag, unsigned size_tag)
{
	uint64_t size = maker->values[size_tag], table = maker->values[tag];
	uint64_t plt = maker->values[DT_JMPREL];

	return maker->has[DT_JMPREL] && plt >= table && plt - table < size ? plt - table : size;
}

static void add_relocations(struct maker *maker)
{
	bool rela = maker->values[DT_PLTREL] == DT_RELA;

	add_relocation_table(maker, ".rela.dyn", SHT_RELA, DT_RELA,
			     size_without_plt(maker, DT_RELA, DT_RELASZ));
	add_relocation_table(maker, ".rel.dyn", SHT_REL, DT_REL,
			     size_without_plt(maker, DT_REL, DT_RELSZ));
	add_relocation_table(maker, ".relr.dyn", SHT_RELR, DT_RELR, maker->values[DT_RELRSZ]);
	add_relocation_table(maker, rela ? ".rela.plt" : ".rel.plt", rela ? SHT_RELA : SHT_REL,
			     DT_JMPREL, maker->values[DT_PLTRELSZ]);
}

static void add_notes(struct elf_file *file)
{
	GElf_Phdr segment;

	for (size_t i = 0; i < file->n_segments; i++) {
		if (!gelf_getphdr(file->elf, (int)i, &segment) || segment.p_type != PT_NOTE)
			continue;
		struct elf_section *section = add(file, ".note", SHT_NOTE);
		section->header.sh_addr = segment.p_vaddr;
		section->header.sh_offset = segment.p_offset;
		section->header.sh_size = segment.p_filesz;
		section->header.sh_addralign = segment.p_align;
	}
}

static bool has_section_headers(const struct elf_file *file)
{
	for (size_t i = 0; i < file->n_sections; i++)
		if (file->sections[i].header.sh_type != SHT_NULL)
			return true;
	return false;
}

static bool find_segment(const struct elf_file *file, uint32_t type, GElf_Phdr *segment)
{
	for (size_t i = 0; i < file->n_segments; i++)
		if (gelf_getphdr(file->elf, (int)i, segment) && segment->p_type == type)
			return true;
	return false;
}

int dynamic_sections_add(struct elf_file *file, struct matr_error *err)
{
	struct maker maker = {.file = file, .err = err};
	struct elf_dynamic dynamic;
	GElf_Phdr segment;

	if (has_section_headers(file) || file->n_segments == 0)
		return 0;
	struct elf_section *sections = calloc(file->n_segments + MOST_SECTIONS, sizeof *sections);
	if (!sections)
		return matr_fail_memory(err);
	free(file->sections);
	file->sections = sections;
	file->n_sections = 0;
	file->made_up = true;
	add(file, "", SHT_NULL)->header.sh_flags = 0;
	add_notes(file);
	if (!find_segment(file, PT_DYNAMIC, &segment))
		return 0;
	maker.dynamic = segment.p_vaddr;
	struct elf_section *section =
		add_table(&maker, ".dynamic", SHT_DYNAMIC, segment.p_vaddr, segment.p_filesz);
	if (!section)
		return maker.result;
	if (elf_dynamic_open(file, &dynamic, err) < 0)
		return -1;
	read_entries(&maker, &dynamic);
	if (maker.has[DT_STRTAB] && add_table(&maker, ".dynstr", SHT_STRTAB,
					      maker.values[DT_STRTAB], maker.values[DT_STRSZ]))
		maker.strings = file->n_sections - 1;
	section->header.sh_link = (uint32_t)maker.strings;
	add_symbols(&maker);
	add_versions(&maker);
	add_relocations(&maker);
	return maker.result;
}
