/* relocation_table.c - DT_RELA, DT_JMPREL and DT_RELR.
 *
 * Relative relocations, which are most of them and name no symbol, go to a list of their own. Some linkers let
 * DT_RELA cover DT_JMPREL too; ld.so then takes what they share off DT_RELA, and so is it here.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"

enum { RELATIVE64 = 38 }; /* R_X86_64_RELATIVE64, x32's; ld.so treats it alike */

struct table {
	const unsigned char *bytes;
	size_t n; /* entries */
	enum matr_relocation_table kind;
};

static bool is_relative(uint32_t type)
{
	return type == R_X86_64_RELATIVE || type == RELATIVE64;
}

/* The word the file holds at vaddr; beyond the file's part of a segment there are zeros. */
static uint64_t word_at(struct elf_file *file, uint64_t vaddr)
{
	uint64_t word = 0;
	const void *bytes = elf_file_at(file, vaddr, sizeof word);

	if (bytes)
		memcpy(&word, bytes, sizeof word);
	return word;
}

static int find_table(struct elf_file *file, uint64_t vaddr, uint64_t size,
                      enum matr_relocation_table kind, struct table *out, struct matr_error *err)
{
	*out = (struct table){.kind = kind};
	if (!size)
		return 0;
	out->bytes = elf_file_at(file, vaddr, size);
	if (!out->bytes || size % sizeof(Elf64_Rela))
		return elf_file_malformed(file, err, "a relocation table is outside of the file");
	out->n = (size_t)(size / sizeof(Elf64_Rela));
	return 0;
}

static int find_tables(struct elf_file *file, struct table *rela, struct table *plt,
                       struct matr_error *err)
{
	uint64_t rela_at = 0, rela_size = 0, plt_at = 0, plt_size = 0, entry_size;

	if (elf_file_tag(file, DT_RELAENT, &entry_size) && entry_size != sizeof(Elf64_Rela))
		return elf_file_malformed(file, err, "DT_RELAENT is not the size of an entry");
	if (elf_file_tag(file, DT_RELA, &rela_at) && !elf_file_tag(file, DT_RELASZ, &rela_size))
		return elf_file_malformed(file, err, "DT_RELA without DT_RELASZ");
	if (elf_file_tag(file, DT_JMPREL, &plt_at) && !elf_file_tag(file, DT_PLTRELSZ, &plt_size))
		return elf_file_malformed(file, err, "DT_JMPREL without DT_PLTRELSZ");
	if (plt_size && rela_at + rela_size == plt_at + plt_size && plt_size <= rela_size)
		rela_size -= plt_size;
	if (find_table(file, rela_at, rela_size, MATR_TABLE_RELA, rela, err) < 0)
		return -1;
	return find_table(file, plt_at, plt_size, MATR_TABLE_JMPREL, plt, err);
}

static Elf64_Rela table_entry(const struct table *table, size_t index)
{
	Elf64_Rela entry;

	memcpy(&entry, table->bytes + index * sizeof entry, sizeof entry);
	return entry;
}

static void read_table(struct elf_file *file, const struct table *table)
{
	struct matr_object *object = file->object;

	for (size_t i = 0; i < table->n; i++) {
		Elf64_Rela entry = table_entry(table, i);
		uint32_t type = (uint32_t)ELF64_R_TYPE(entry.r_info);
		if (is_relative(type)) {
			object->relatives[object->n_relatives++] =
			        (struct matr_relative){entry.r_offset, entry.r_addend};
			continue;
		}
		object->relocations[object->n_relocations++] = (struct matr_relocation){
		        .offset = entry.r_offset,
		        .addend = entry.r_addend,
		        .type = type,
		        .symbol = (uint32_t)ELF64_R_SYM(entry.r_info),
		        .table = (uint8_t)table->kind,
		        .word = type == R_X86_64_JUMP_SLOT ? word_at(file, entry.r_offset) : 0,
		};
	}
}

static size_t count_relatives(const struct table *table)
{
	size_t n = 0;

	for (size_t i = 0; i < table->n; i++)
		n += is_relative((uint32_t)ELF64_R_TYPE(table_entry(table, i).r_info));
	return n;
}

/* DT_RELR (gABI, "Relative Relocation Table"): an even entry is an address; an odd one a bitmap of the 63
 * words that follow. Counting and reading are the same walk; out may be NULL. */
static int walk_relr(struct elf_file *file, const unsigned char *bytes, size_t n,
                     struct matr_relative *out, size_t *count, struct matr_error *err)
{
	uint64_t where = 0, entry;

	*count = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(&entry, bytes + i * sizeof entry, sizeof entry);
		if (i == 0 && (entry & 1))
			return elf_file_malformed(file, err, "DT_RELR opens with a bitmap");
		if (!(entry & 1)) {
			if (out)
				out[*count] = (struct matr_relative){entry,
				                                     (int64_t)word_at(file, entry)};
			++*count;
			where = entry + 8;
			continue;
		}
		for (unsigned bit = 1; bit < 64; bit++) {
			uint64_t vaddr = where + (bit - 1) * 8;
			if (!(entry >> bit & 1))
				continue;
			if (out)
				out[*count] = (struct matr_relative){vaddr,
				                                     (int64_t)word_at(file, vaddr)};
			++*count;
		}
		where += 63 * 8;
		/* Each word is in the file, so there cannot be more of them than it has room for. */
		if (*count > file->size / 8)
			return elf_file_malformed(file, err,
			                          "DT_RELR has more words than the file");
	}
	return 0;
}

static int read_relr(struct elf_file *file, struct matr_error *err)
{
	struct matr_object *object = file->object;
	uint64_t vaddr, size;

	if (!elf_file_tag(file, DT_RELR, &vaddr) || !elf_file_tag(file, DT_RELRSZ, &size) || !size)
		return 0;
	const unsigned char *bytes = elf_file_at(file, vaddr, size);
	if (!bytes || size % sizeof(uint64_t))
		return elf_file_malformed(file, err, "DT_RELR is outside of the file");
	size_t n = (size_t)(size / sizeof(uint64_t));
	if (walk_relr(file, bytes, n, NULL, &object->n_relr, err) < 0)
		return -1;
	object->relr = calloc(object->n_relr + 1, sizeof *object->relr);
	if (!object->relr)
		return matr_fail_memory(err);
	return walk_relr(file, bytes, n, object->relr, &object->n_relr, err);
}

static void choose_witness(struct elf_file *file)
{
	struct matr_object *object = file->object;

	if (object->n_relatives)
		object->witness_vaddr = object->relatives[0].offset;
	else if (object->n_relr)
		object->witness_vaddr = object->relr[0].offset;
	for (size_t i = 0; i < object->n_relocations && !object->witness_vaddr; i++) {
		uint32_t type = object->relocations[i].type;
		if (type == R_X86_64_GLOB_DAT || type == R_X86_64_64 || type == R_X86_64_JUMP_SLOT)
			object->witness_vaddr = object->relocations[i].offset;
	}
	if (object->witness_vaddr)
		object->witness_word = word_at(file, object->witness_vaddr);
}

int read_relocations(struct elf_file *file, struct matr_error *err)
{
	struct matr_object *object = file->object;
	struct table rela, plt;

	if (find_tables(file, &rela, &plt, err) < 0)
		return -1;
	size_t relatives = count_relatives(&rela) + count_relatives(&plt);
	object->relatives = calloc(relatives + 1, sizeof *object->relatives);
	object->relocations = calloc(rela.n + plt.n - relatives + 1, sizeof *object->relocations);
	if (!object->relatives || !object->relocations)
		return matr_fail_memory(err);
	read_table(file, &rela);
	read_table(file, &plt);
	if (read_relr(file, err) < 0)
		return -1;
	choose_witness(file);
	return 0;
}
