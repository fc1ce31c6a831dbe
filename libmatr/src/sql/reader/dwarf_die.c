/* dwarf_die.c - the DIEs of a unit, noted down once in file order, and their attributes.
 *
 * libdw decodes; walking is done here. Its own walk (dwarf_siblingof) goes through everything
 * below a DIE to find the next one where compilers leave out DW_AT_sibling, once per level.
 */
#include "sql/reader/dwarf_die.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum { MOST_KEPT = 4 << 20 /* DIEs */ };

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

/* Go past a DIE, to its first child or whatever follows it. libdw checks that all attributes
 * but the last lie within the unit. */
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
	if (array_reserve(&dies->list, &dies->capacity, dies->n + 1, sizeof *dies->list, err) != 0)
		return -1;
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

/* ---- attributes ---- */

static bool is_big(const struct elf_file *file)
{
	return file->header.e_ident[EI_DATA] == ELFDATA2MSB;
}

static const uint8_t *end_of(const struct dwarf_unit *unit)
{
	uint64_t first = dwarf_dieoffset((Dwarf_Die *)&unit->die);

	return (const uint8_t *)unit->die.addr + (unit->end - first);
}

/* Read the index of an indirect string or address. Returns false for other forms. */
static bool read_index(const struct elf_file *file, const struct dwarf_unit *unit,
		       const Dwarf_Attribute *attribute, uint64_t *index)
{
	struct bytes bytes = {attribute->valp, end_of(unit)};

	if (bytes.at > bytes.end)
		return false;
	switch (attribute->form) {
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_GNU_str_index:
	case DW_FORM_GNU_addr_index:
		return read_uleb(&bytes, index);
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return read_fixed(&bytes, 1, is_big(file), index);
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return read_fixed(&bytes, 2, is_big(file), index);
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return read_fixed(&bytes, 3, is_big(file), index);
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		return read_fixed(&bytes, 4, is_big(file), index);
	default:
		return false;
	}
}

static bool is_indirect_string(unsigned form)
{
	return form == DW_FORM_GNU_str_index || form == DW_FORM_strx ||
	       (form >= DW_FORM_strx1 && form <= DW_FORM_strx4);
}

static bool is_indirect_address(unsigned form)
{
	return form == DW_FORM_GNU_addr_index || form == DW_FORM_addrx ||
	       (form >= DW_FORM_addrx1 && form <= DW_FORM_addrx4);
}

const char *dwarf_unit_string(const struct elf_file *file, const struct dwarf_unit *unit,
			      Dwarf_Attribute *attribute)
{
	uint64_t index;

	if (!attribute)
		return NULL;
	if (attribute->form == DW_FORM_string) {
		const char *text = dwarf_formstring(attribute);
		return text && (dwarf_open_holds(unit->handle, text) ||
				dwarf_open_holds(&file->dwarf->alternate_handle, text))
			       ? text
			       : NULL;
	}
	/* libdw cannot find the strings of a unit in a package. */
	if (!unit->package || !is_indirect_string(attribute->form))
		return dwarf_formstring(attribute);
	if (attribute->cu != unit->die.cu || !read_index(file, unit, attribute, &index))
		return NULL;
	return dwarf_package_string(unit->package, unit->in_package, unit->version,
				    unit->offset_size, index);
}

bool dwarf_unit_address(const struct elf_file *file, const struct dwarf_unit *unit,
			Dwarf_Attribute *attribute, Dwarf_Addr *out)
{
	const struct dwarf_file *dwarf = file->dwarf;
	unsigned size = unit->address_size;
	uint64_t index;

	if (!attribute)
		return false;
	/* The addresses of a split unit are in the file with the skeleton. */
	if (!unit->is_split || !is_indirect_address(attribute->form))
		return dwarf_formaddr(attribute, out) == 0;
	if (attribute->cu != unit->die.cu || !read_index(file, unit, attribute, &index) ||
	    (size != 4 && size != 8) || unit->addresses > dwarf->addresses_size ||
	    index >= (dwarf->addresses_size - unit->addresses) / size)
		return false;
	const uint8_t *at = dwarf->addresses + unit->addresses + index * size;
	struct bytes bytes = {at, at + size};
	return read_fixed(&bytes, size, is_big(file), out);
}

/* Get the DIE that an attribute refers to. libdw 0.188 looks up DW_FORM_ref_sup4 and 8 in the
 * wrong file. */
static bool follow(const struct elf_file *file, const struct dwarf_unit *unit,
		   Dwarf_Attribute *attribute, Dwarf_Die *out)
{
	unsigned form = attribute->form;
	uint64_t offset;

	if (form != DW_FORM_ref_sup4 && form != DW_FORM_ref_sup8)
		return dwarf_formref_die(attribute, out) != NULL;
	struct bytes bytes = {attribute->valp, end_of(unit)};
	Dwarf *other = attribute->cu == unit->die.cu ? file->dwarf->alternate_handle.dwarf : NULL;
	return other && bytes.at <= bytes.end &&
	       read_fixed(&bytes, form == DW_FORM_ref_sup4 ? 4 : 8, is_big(file), &offset) &&
	       dwarf_offdie(other, offset, out) != NULL;
}

Dwarf_Attribute *dwarf_unit_attribute(const struct elf_file *file, const struct dwarf_unit *unit,
				      Dwarf_Die *die, unsigned code, Dwarf_Attribute *out)
{
	enum { LONGEST = 16 /* chain of DIEs, which may be a circle */ };
	Dwarf_Die at = *die;

	for (unsigned i = 0; i < LONGEST; i++) {
		Dwarf_Attribute link;
		Dwarf_Die next;
		if (dwarf_attr(&at, code, out))
			return out;
		if ((!dwarf_attr(&at, DW_AT_abstract_origin, &link) &&
		     !dwarf_attr(&at, DW_AT_specification, &link)) ||
		    !follow(file, unit, &link, &next))
			return NULL;
		at = next;
	}
	return NULL;
}
