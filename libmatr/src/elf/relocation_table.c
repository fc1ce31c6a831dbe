/* relocation_table.c - DT_RELA and DT_JMPREL, split into relative and all other relocations.
 *
 * The two tables may overlap: some linkers let DT_RELASZ count DT_JMPREL too, which then lies at
 * the end of DT_RELA. ld.so takes that part off DT_RELA, and so do we, lest it be listed twice.
 *
 * Every relocation has to write into memory that belongs to the object. ld.so does not check that,
 * but an object that fails it would be broken at exec, not mapped.
 */
#include "elf/reader.h"

#include <string.h>

struct table {
	const unsigned char *entries; /* Elf64_Rela[n], not aligned */
	uint64_t n;
	enum matr_relocation_table kind;
};

static Elf64_Rela entry_at(const struct table *table, uint64_t i)
{
	Elf64_Rela entry;

	memcpy(&entry, table->entries + i * sizeof entry, sizeof entry);
	return entry;
}

static bool is_relative(const Elf64_Rela *entry)
{
	uint32_t type = ELF64_R_TYPE(entry->r_info);
	return type == R_X86_64_RELATIVE || type == R_X86_64_RELATIVE64;
}

/* Least number of bytes that the relocation writes. */
static uint64_t width(uint32_t type)
{
	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_8:
	case R_X86_64_PC8:
	case R_X86_64_COPY: /* the symbol's size, which may be anything */
		return 1;
	case R_X86_64_16:
	case R_X86_64_PC16:
		return 2;
	case R_X86_64_32:
	case R_X86_64_32S:
	case R_X86_64_PC32:
	case R_X86_64_SIZE32:
		return 4;
	case R_X86_64_TLSDESC:
		return 16;
	default:
		return 8;
	}
}

/* Types that glibc implements. Any other makes it stop. */
static bool is_known_type(uint32_t type)
{
	switch (type) {
	case R_X86_64_NONE:
	case R_X86_64_64:
	case R_X86_64_PC32:
	case R_X86_64_COPY:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_RELATIVE:
	case R_X86_64_32:
	case R_X86_64_DTPMOD64:
	case R_X86_64_DTPOFF64:
	case R_X86_64_TPOFF64:
	case R_X86_64_SIZE32:
	case R_X86_64_SIZE64:
	case R_X86_64_TLSDESC:
	case R_X86_64_IRELATIVE:
	case R_X86_64_RELATIVE64:
		return true;
	default:
		return false;
	}
}

static bool may_be_lazy(uint32_t type)
{
	return type == R_X86_64_JUMP_SLOT || type == R_X86_64_TLSDESC || type == R_X86_64_IRELATIVE;
}

/* ---- finding the tables ---- */

static int read_table(struct elf_reader *reader, struct table *table, uint64_t vaddr, uint64_t size,
		      const char *name)
{
	if (size % sizeof(Elf64_Rela) != 0)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "%s has %llu bytes, not a multiple of %zu", name,
				 (unsigned long long)size, sizeof(Elf64_Rela));
	table->n = size / sizeof(Elf64_Rela);
	if (size == 0) /* then the address may be anything */
		return 0;
	table->entries = elf_reader_at(reader, vaddr, size, name);
	return table->entries ? 0 : -1;
}

static int find_tables(struct elf_reader *reader, struct table *rela, struct table *jmprel)
{
	const struct matr_object *object = reader->object;
	uint64_t rela_vaddr = 0, rela_size = 0, jmprel_vaddr = 0, jmprel_size = 0, value;
	bool has_rela = elf_dynamic_value(object, DT_RELA, &rela_vaddr);

	if (has_rela && elf_dynamic_need(reader, DT_RELASZ, &rela_size, "DT_RELASZ") != 0)
		return -1;
	if (has_rela && elf_dynamic_value(object, DT_RELAENT, &value) &&
	    value != sizeof(Elf64_Rela))
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "has relocations of %llu bytes", (unsigned long long)value);
	if (elf_dynamic_value(object, DT_PLTREL, &value)) {
		if (value != DT_RELA)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_PLTREL is not DT_RELA");
		if (elf_dynamic_need(reader, DT_JMPREL, &jmprel_vaddr, "DT_JMPREL") != 0 ||
		    elf_dynamic_need(reader, DT_PLTRELSZ, &jmprel_size, "DT_PLTRELSZ") != 0)
			return -1;
	}
	if (has_rela && rela_vaddr + rela_size == jmprel_vaddr + jmprel_size) {
		if (jmprel_size > rela_size)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_RELA lies within DT_JMPREL");
		rela_size -= jmprel_size;
	}
	rela->kind = MATR_TABLE_RELA;
	jmprel->kind = MATR_TABLE_JMPREL;
	if (read_table(reader, rela, rela_vaddr, rela_size, "DT_RELA") != 0 ||
	    read_table(reader, jmprel, jmprel_vaddr, jmprel_size, "DT_JMPREL") != 0)
		return -1;
	return 0;
}

/* ---- relocations at which ld.so stops ---- */

static int fail_type(struct elf_reader *reader, uint32_t type, const char *where)
{
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
			 "has a relocation of type %u%s, at which ld.so would stop", type, where);
}

static int check_types(struct elf_reader *reader, const struct table *table)
{
	bool lazy =
		table->kind == MATR_TABLE_JMPREL && !(reader->object->flags & MATR_OBJECT_BIND_NOW);

	for (uint64_t i = 0; i < table->n; i++) {
		Elf64_Rela entry = entry_at(table, i);
		uint32_t type = ELF64_R_TYPE(entry.r_info);
		if (lazy && !may_be_lazy(type))
			return fail_type(reader, type, " in DT_JMPREL");
		if (!is_known_type(type))
			return fail_type(reader, type, "");
	}
	return 0;
}

/* ld.so takes the first DT_RELACOUNT relocations for relative ones, and asserts that they are. */
static int check_relative_count(struct elf_reader *reader, const struct table *table)
{
	uint64_t count = 0;

	elf_dynamic_value(reader->object, DT_RELACOUNT, &count);
	for (uint64_t i = 0; i < count && table->n; i++) {
		Elf64_Rela entry = {0};
		if (i < table->n)
			entry = entry_at(table, i);
		if (!is_relative(&entry))
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_RELACOUNT counts others than relative relocations");
	}
	return 0;
}

/* ld.so makes text writable only where DT_TEXTREL asks for it. */
static bool may_write(const struct matr_object *object, const struct matr_segment *segment)
{
	return segment->flags & PF_W || object->flags & MATR_OBJECT_TEXTREL;
}

/* ---- reading them ---- */

static uint64_t count_relative(const struct table *table)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < table->n; i++) {
		Elf64_Rela entry = entry_at(table, i);
		n += is_relative(&entry);
	}
	return n;
}

static int add_entries(struct elf_reader *reader, const struct table *table, uint64_t *n_symbols)
{
	struct matr_object *object = reader->object;

	for (uint64_t i = 0; i < table->n; i++) {
		Elf64_Rela entry = entry_at(table, i);
		uint32_t type = ELF64_R_TYPE(entry.r_info), symbol = ELF64_R_SYM(entry.r_info);

		const struct matr_segment *segment =
			elf_reader_segment(reader, entry.r_offset, width(type));
		if (type != R_X86_64_NONE && (!segment || !may_write(object, segment)))
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "a relocation writes to address 0x%llx, which is %s",
					 (unsigned long long)entry.r_offset,
					 segment ? "in a read-only segment, without DT_TEXTREL"
						 : "not the object's");
		if (is_relative(&entry)) {
			object->relatives[object->n_relatives++] = (struct matr_relative){
				.offset = entry.r_offset,
				.addend = entry.r_addend,
			};
			continue;
		}
		struct matr_relocation *relocation = &object->relocations[object->n_relocations++];
		*relocation = (struct matr_relocation){
			.offset = entry.r_offset,
			.addend = entry.r_addend,
			.type = type,
			.symbol = symbol,
			.table = (uint8_t)table->kind,
		};
		if (symbol >= *n_symbols)
			*n_symbols = (uint64_t)symbol + 1;
		if (type == R_X86_64_JUMP_SLOT &&
		    elf_reader_word(reader, entry.r_offset, &relocation->word, "a PLT slot") != 0)
			return -1;
	}
	return 0;
}

int elf_read_relocations(struct elf_reader *reader, uint64_t *n_symbols)
{
	struct matr_object *object = reader->object;
	struct table rela = {0}, jmprel = {0};
	uint64_t n_relative;

	if (find_tables(reader, &rela, &jmprel) != 0 || check_types(reader, &rela) != 0 ||
	    check_types(reader, &jmprel) != 0 || check_relative_count(reader, &rela) != 0)
		return -1;
	n_relative = count_relative(&rela) + count_relative(&jmprel);
	object->relatives = elf_reader_allocate(reader, n_relative, sizeof *object->relatives);
	object->relocations = elf_reader_allocate(reader, rela.n + jmprel.n - n_relative,
						  sizeof *object->relocations);
	if (!object->relatives || !object->relocations)
		return -1;
	if (add_entries(reader, &rela, n_symbols) != 0 ||
	    add_entries(reader, &jmprel, n_symbols) != 0)
		return -1;
	return 0;
}
