/* dwarf_file.c - the debugging information of a file.
 *
 * libdw decodes; walking is done here. Its own walk (dwarf_siblingof) goes through everything below a DIE to
 * find the next one where compilers leave out DW_AT_sibling, once per level. Here a unit's DIEs are gone
 * through once, in file order, and noted down, so that parents and children are found without a walk.
 */
#include "sql/reader/dwarf_file.h"

#include <dwarf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/reader/dwarf_separate.h"

enum { MOST_KEPT = 4 << 20 /* DIEs */, SPLIT_SHIFT = 36 };

static void free_dwarf(struct elf_part *part)
{
	struct dwarf_file *dwarf = (struct dwarf_file *)part;

	for (size_t i = 0; i < dwarf->n_units; i++)
		free(dwarf->units[i].dies);
	free(dwarf->units);
	if (dwarf->dwfl)
		dwfl_end(dwarf->dwfl);
	else
		dwarf_end(dwarf->dwarf);
	free(dwarf->contents);
	elf_file_free(dwarf->separate);
	free(dwarf);
}

static int fail_dwarf(const struct elf_file *file, const char *what, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "%s: %s", what, dwarf_errmsg(-1));
}

/* ---- opening ---- */

/* A compressed section says how large it becomes, and libelf believes it; deflate makes at most 1032 of
 * one. */
static int check_compressed(struct elf_file *file, size_t section, struct matr_error *err)
{
	const struct elf_section *at = &file->sections[section];
	uint8_t header[24] = {0};
	uint64_t size = 0;
	bool big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;
	bool wide = file->header.e_ident[EI_CLASS] == ELFCLASS64;
	size_t first = wide ? 8 : 4, bytes = wide ? 8 : 4;

	if (elf_file_read(file, at->header.sh_offset, header, sizeof header, err) < 0)
		return -1;
	if (!(at->header.sh_flags & SHF_COMPRESSED)) { /* .zdebug_: ZLIB, 8 bytes */
		first = 4;
		bytes = 8;
		big = true;
	}
	for (size_t i = 0; i < bytes; i++)
		size = size << 8 | header[first + (big ? i : bytes - 1 - i)];
	if (size / 1100 > at->header.sh_size)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "section %zu (%s) cannot become as large as it says", section,
				 at->name);
	return 0;
}

/* libdw reads all sections of debugging information at once. */
static int check_sections(struct elf_file *file, struct matr_error *err)
{
	uint64_t sum = 0;

	for (size_t i = 1; i < file->n_sections; i++) {
		const struct elf_section *section = &file->sections[i];
		bool gnu = strncmp(section->name, ".zdebug", 7) == 0;
		if (!gnu && strncmp(section->name, ".debug", 6) != 0 &&
		    strncmp(section->name, ".gnu_debug", 10) != 0)
			continue;
		if (section->header.sh_type == SHT_NOBITS)
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
		if ((gnu || section->header.sh_flags & SHF_COMPRESSED) &&
		    check_compressed(file, i, err) < 0)
			return -1;
	}
	return 0;
}

/* The strings of a relocatable file's DIEs are found through relocations, which libdwfl applies: to a copy, for
 * it would map the file. */
static int open_relocatable(struct elf_file *file, struct dwarf_file *dwarf, struct matr_error *err)
{
	static const Dwfl_Callbacks callbacks = {
		.section_address = dwfl_offline_section_address,
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};
	Dwarf_Addr bias;

	dwarf->contents = malloc(file->id.size + 1);
	if (!dwarf->contents)
		return matr_fail_memory(err);
	int64_t size = elf_file_read(file, 0, dwarf->contents, file->id.size, err);
	if (size < 0)
		return -1;
	if ((uint64_t)size < file->id.size)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "was truncated while it was read");
	dwarf->dwfl = dwfl_begin(&callbacks);
	Dwfl_Module *module = NULL;
	if (dwarf->dwfl) {
		dwfl_report_begin(dwarf->dwfl);
		module = dwfl_report_offline_memory(dwarf->dwfl, "", file->path, dwarf->contents,
						    (size_t)size);
		dwfl_report_end(dwarf->dwfl, NULL, NULL);
	}
	dwarf->module = module;
	dwarf->dwarf = module ? dwfl_module_getdwarf(module, &bias) : NULL;
	if (!dwarf->dwarf)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "debugging information: %s",
				 dwfl_errmsg(-1));
	return 0;
}

static int open_dwarf(struct elf_file *file, struct dwarf_file *dwarf, struct matr_error *err)
{
	if (!dwarf_is_in(file) && dwarf_separate_open(file, &dwarf->separate, err) <= 0)
		return 0;
	struct elf_file *from = dwarf->separate ? dwarf->separate : file;
	if (check_sections(from, err) < 0)
		return -1;
	if (from->header.e_type == ET_REL && elf_file_section_named(from, ".debug_info"))
		return open_relocatable(from, dwarf, err);
	dwarf->dwarf = dwarf_begin_elf(from->elf, DWARF_C_READ, NULL);
	return dwarf->dwarf ? 0 : fail_dwarf(from, "debugging information", err);
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
	dwarf->all_listed = dwarf->dwarf == NULL;
	if (dwarf->dwarf)
		file->loaded += dwarf->separate ? dwarf->separate->id.size : file->id.size;
	file->dwarf = dwarf;
	elf_file_keep(file, &dwarf->part, free_dwarf);
	return dwarf;
}

uint64_t dwarf_file_address(const struct dwarf_file *dwarf, uint64_t address, bool last)
{
	Dwarf_Addr offset = last && address ? address - 1 : address;

	if (!dwarf->module || dwfl_module_relocate_address(dwarf->module, &offset) < 0)
		return address;
	return last && address ? offset + 1 : offset;
}

/* ---- units ---- */

static int add_unit(struct dwarf_file *dwarf, const struct dwarf_unit *unit, struct matr_error *err)
{
	if (dwarf->n_units == dwarf->capacity) {
		size_t capacity = dwarf->capacity ? dwarf->capacity * 2 : 32;
		struct dwarf_unit *list = realloc(dwarf->units, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		dwarf->units = list;
		dwarf->capacity = capacity;
	}
	dwarf->units[dwarf->n_units++] = *unit;
	return 0;
}

/* How large the section is that the address is in; 0: it is in none. */
static size_t section_size(Dwarf *dwarf, const void *address)
{
	Elf *elf = dwarf_getelf(dwarf);

	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
		Elf_Data *data = NULL;
		GElf_Shdr header;
		/* Only what libdw has read already. */
		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		size_t names = 0;
		elf_getshdrstrndx(elf, &names);
		const char *name = elf_strptr(elf, names, header.sh_name);
		if (!name || (strncmp(name, ".debug_info", 11) != 0 &&
			      strncmp(name, ".zdebug_info", 12) != 0 &&
			      strncmp(name, ".debug_types", 12) != 0))
			continue;
		data = elf_getdata(section, NULL);
		if (data && (const char *)address >= (const char *)data->d_buf &&
		    (const char *)address < (const char *)data->d_buf + data->d_size)
			return data->d_size;
	}
	return 0;
}

static int describe(struct elf_file *file, Dwarf *dwarf, Dwarf_Die *die, struct dwarf_unit *out,
		    struct matr_error *err)
{
	Dwarf_Off first = dwarf_dieoffset(die), next = 0;
	Dwarf_Die root;
	size_t header_size = 0;

	*out = (struct dwarf_unit){.die = *die};
	if (!dwarf_diecu(die, &root, &out->address_size, &out->offset_size))
		return fail_dwarf(file, "a unit", err);
	out->offset = first - dwarf_cuoffset(die);
	if (dwarf_next_unit(dwarf, out->offset, &next, &header_size, &out->version, NULL, NULL,
			    NULL, NULL, NULL) != 0)
		return fail_dwarf(file, "a unit", err);
	size_t size = section_size(dwarf, die->addr);
	if (next > size)
		next = size;
	if (next < first || next - out->offset > UINT32_MAX)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "a unit of debugging information has an impossible size");
	out->end = next;
	out->cu_offset = out->offset;
	return 0;
}

static int add_split(struct elf_file *file, const struct dwarf_unit *skeleton, Dwarf_Die *die,
		     struct matr_error *err)
{
	struct dwarf_file *dwarf = file->dwarf;
	struct dwarf_unit unit;

	if (describe(file, dwarf_cu_getdwarf(die->cu), die, &unit, err) < 0)
		return -1;
	unit.cu_offset = skeleton->cu_offset;
	unit.base = (uint64_t)++dwarf->n_split << SPLIT_SHIFT;
	return add_unit(dwarf, &unit, err);
}

/* The name of the file with a skeleton's split unit. */
static const char *split_name(Dwarf_Die *skeleton)
{
	Dwarf_Attribute attribute;
	const char *name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_dwo_name, &attribute));

	if (!name)
		name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &attribute));
	return name ? name : "a file";
}

/* Add the next unit to the list: 1, 0 or -1. */
static int list_one(struct elf_file *file, struct matr_error *err)
{
	struct dwarf_file *dwarf = file->dwarf;
	struct dwarf_unit unit;
	Dwarf_Die die, split;
	Dwarf_Half version;
	uint8_t type;
	int result;

	if (dwarf->all_listed)
		return 0;
	result = dwarf_get_units(dwarf->dwarf, dwarf->last, &dwarf->last, &version, &type, &die,
				 NULL);
	/* What follows in .debug_types (DWARF 4) has offsets of another section. */
	if (result != 0 || (version < 5 && type == DW_UT_type)) {
		dwarf->all_listed = true;
		return result < 0 ? fail_dwarf(file, "debugging information", err) : 0;
	}
	if (describe(file, dwarf->dwarf, &die, &unit, err) < 0) {
		dwarf->all_listed = true;
		return -1;
	}
	unit.is_skeleton = type == DW_UT_skeleton;
	if (add_unit(dwarf, &unit, err) < 0)
		return -1;
	if (!unit.is_skeleton)
		return 1;
	memset(&split, 0, sizeof split);
	if (dwarf_cu_info(dwarf->last, NULL, NULL, NULL, &split, NULL, NULL, NULL) == 0 && split.cu)
		return add_split(file, &unit, &split, err) < 0 ? -1 : 1;
	dwarf->units[dwarf->n_units - 1].missing = split_name(&die);
	return 1;
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

/* ---- DIEs ---- */

struct bytes { /* what is left of a unit */
	const uint8_t *at, *end;
};

static bool skip(struct bytes *bytes, uint64_t n)
{
	if (n > (uint64_t)(bytes->end - bytes->at))
		return false;
	bytes->at += n;
	return true;
}

static bool read_uleb(struct bytes *bytes, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; bytes->at < bytes->end; shift += 7) {
		uint8_t byte = *bytes->at++;
		if (shift < 64)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool read_fixed(struct bytes *bytes, unsigned n, bool big, uint64_t *value)
{
	const uint8_t *at = bytes->at;

	if (!skip(bytes, n))
		return false;
	*value = 0;
	for (unsigned i = 0; i < n; i++)
		*value = *value << 8 | at[big ? i : n - 1 - i];
	return true;
}

/* Go past a value (DWARF 5, 7.5.5 "Classes and Forms"). */
static bool skip_value(struct bytes *bytes, unsigned form, const struct dwarf_unit *unit, bool big)
{
	uint64_t size;

	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return true;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return skip(bytes, 1);
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return skip(bytes, 2);
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return skip(bytes, 3);
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		return skip(bytes, 4);
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return skip(bytes, 8);
	case DW_FORM_data16:
		return skip(bytes, 16);
	case DW_FORM_addr:
		return skip(bytes, unit->address_size);
	case DW_FORM_ref_addr:
		return skip(bytes, unit->version <= 2 ? unit->address_size : unit->offset_size);
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return skip(bytes, unit->offset_size);
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return read_uleb(bytes, &size);
	case DW_FORM_string: {
		size_t left = (size_t)(bytes->end - bytes->at), length;
		length = strnlen((const char *)bytes->at, left);
		return length < left && skip(bytes, length + 1);
	}
	case DW_FORM_block1:
		return read_fixed(bytes, 1, big, &size) && skip(bytes, size);
	case DW_FORM_block2:
		return read_fixed(bytes, 2, big, &size) && skip(bytes, size);
	case DW_FORM_block4:
		return read_fixed(bytes, 4, big, &size) && skip(bytes, size);
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return read_uleb(bytes, &size) && skip(bytes, size);
	case DW_FORM_indirect:
		return read_uleb(bytes, &size) && size != DW_FORM_indirect &&
		       size != DW_FORM_implicit_const &&
		       skip_value(bytes, (unsigned)size, unit, big);
	default:
		return false;
	}
}

struct last_value { /* of the attributes that take room */
	const uint8_t *at;
	unsigned form;
};

static int note_value(Dwarf_Attribute *attribute, void *context)
{
	struct last_value *last = context;

	if (attribute->form != DW_FORM_implicit_const)
		*last = (struct last_value){attribute->valp, attribute->form};
	return DWARF_CB_OK;
}

/* Go past a DIE, to its first child or whatever follows it. libdw checks that all attributes but the last
 * lie within the unit. */
static bool skip_die(struct bytes *bytes, Dwarf_Die *die, const struct dwarf_unit *unit, bool big)
{
	struct last_value last = {0};
	uint64_t code;

	if (!read_uleb(bytes, &code) || dwarf_getattrs(die, note_value, &last, 0) != 1)
		return false;
	if (!last.at)
		return true;
	if (last.at < bytes->at || last.at > bytes->end)
		return false;
	bytes->at = last.at;
	return skip_value(bytes, last.form, unit, big);
}

struct die_list {
	struct die *list;
	size_t n, capacity;
};

static int add_die(struct die_list *dies, struct die die, struct matr_error *err)
{
	if (dies->n == dies->capacity) {
		size_t capacity = dies->capacity ? dies->capacity * 2 : 256;
		struct die *list = realloc(dies->list, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		dies->list = list;
		dies->capacity = capacity;
	}
	dies->list[dies->n++] = die;
	return 0;
}

/* All DIEs of the unit. `open` is the DIE whose children are being read. */
static int read_dies(struct elf_file *file, const struct dwarf_unit *unit, struct die_list *out,
		     struct matr_error *err)
{
	const uint8_t *start = unit->die.addr;
	uint64_t first = dwarf_dieoffset((Dwarf_Die *)&unit->die);
	struct bytes bytes = {start, start + (unit->end - first)};
	bool big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;
	uint32_t open = NO_DIE;

	while (bytes.at < bytes.end) {
		const uint8_t *at = bytes.at;
		if (*at == 0) { /* the end of the children, or padding */
			bytes.at++;
			if (open == NO_DIE)
				continue;
			out->list[open].end = (uint32_t)out->n;
			open = out->list[open].parent;
			if (open == NO_DIE)
				break;
			continue;
		}
		Dwarf_Die die = {.addr = (void *)at, .cu = unit->die.cu};
		if (dwarf_tag(&die) == DW_TAG_invalid || !skip_die(&bytes, &die, unit, big))
			return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
					 "malformed debugging information in the unit at 0x%llx",
					 (unsigned long long)unit->offset);
		struct die entry = {
			.offset = (uint32_t)(first - unit->offset + (uint64_t)(at - start)),
			.size = (uint32_t)(bytes.at - at),
			.parent = open,
			.end = (uint32_t)out->n + 1,
		};
		if (add_die(out, entry, err) < 0)
			return -1;
		if (dwarf_haschildren(&die) > 0)
			open = (uint32_t)out->n - 1;
		else if (open == NO_DIE)
			break;
	}
	for (; open != NO_DIE; open = out->list[open].parent) /* cut short */
		out->list[open].end = (uint32_t)out->n;
	return 0;
}

/* Units that were read before go when there are too many DIEs in all. */
static void forget_units(struct dwarf_file *dwarf, size_t but)
{
	if (dwarf->n_dies_kept < MOST_KEPT)
		return;
	for (size_t i = 0; i < dwarf->n_units; i++) {
		if (i == but || !dwarf->units[i].dies || dwarf->units[i].readers)
			continue;
		dwarf->n_dies_kept -= dwarf->units[i].n_dies;
		free(dwarf->units[i].dies);
		dwarf->units[i].dies = NULL;
		dwarf->units[i].n_dies = 0;
	}
}

int dwarf_unit_read(struct elf_file *file, size_t i, struct matr_error *err)
{
	struct dwarf_unit *unit = &file->dwarf->units[i];
	struct die_list dies = {0};

	if (unit->dies)
		return 0;
	forget_units(file->dwarf, i);
	if (read_dies(file, unit, &dies, err) < 0) {
		free(dies.list);
		return -1;
	}
	unit->dies = dies.list;
	unit->n_dies = dies.n;
	file->dwarf->n_dies_kept += dies.n;
	return 0;
}

Dwarf_Die dwarf_unit_die(const struct dwarf_unit *unit, uint32_t i)
{
	uint64_t first = dwarf_dieoffset((Dwarf_Die *)&unit->die) - unit->offset;

	return (Dwarf_Die){
		.addr = (char *)unit->die.addr + (unit->dies[i].offset - first),
		.cu = unit->die.cu,
	};
}

uint32_t dwarf_unit_find(const struct dwarf_unit *unit, uint64_t offset)
{
	size_t low = 0, high = unit->n_dies;

	if (offset < unit->base + unit->offset || offset >= unit->base + unit->end)
		return NO_DIE;
	uint64_t wanted = offset - unit->base - unit->offset;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (unit->dies[middle].offset < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low < unit->n_dies && unit->dies[low].offset == wanted ? (uint32_t)low : NO_DIE;
}
