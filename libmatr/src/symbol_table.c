/* symbol_table.c - the dynamic symbols and which of them a lookup can find.
 *
 * The dynamic section does not say how many symbols there are. ld.so need not know; it finds definitions through
 * the hash table and references through relocations. So the number is what these two come to. A lookup finds
 * only what the hash table leads to: DT_GNU_HASH where there is one, else DT_HASH.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"

struct symbol_bits { /* which symbols the hash table leads to; grows with the highest */
	uint8_t *hashed;
	size_t n, limit; /* limit: more symbols than the file has room for */
};

static int mark(struct elf_file *file, struct symbol_bits *bits, uint64_t index,
                struct matr_error *err)
{
	if (index >= bits->limit)
		return elf_file_malformed(file, err,
		                          "its hash table names a symbol outside of the file");
	if (index >= bits->n)
		bits->n = (size_t)index + 1;
	bits->hashed[index] = 1;
	return 0;
}

static uint32_t word32(const unsigned char *bytes, uint64_t index)
{
	uint32_t word;

	memcpy(&word, bytes + index * sizeof word, sizeof word);
	return word;
}

/* Chains share no symbol, so a walk over all of them that takes more steps than there can be symbols goes in
 * circles. */
static int read_gnu_hash(struct elf_file *file, uint64_t vaddr, struct symbol_bits *bits,
                         struct matr_error *err)
{
	uint64_t room = elf_file_room(file, vaddr);
	const unsigned char *bytes = elf_file_at(file, vaddr, room);

	if (!bytes || room < 16)
		return elf_file_malformed(file, err, "DT_GNU_HASH is outside of the file");
	uint32_t n_buckets = word32(bytes, 0), first = word32(bytes, 1), n_bloom = word32(bytes, 2);
	uint64_t buckets = 4 + (uint64_t)n_bloom * 2; /* in 32-bit words */
	uint64_t chains = buckets + n_buckets, words = room / 4;
	if (chains > words)
		return elf_file_malformed(file, err, "DT_GNU_HASH is outside of the file");
	for (uint32_t i = 0; i < n_buckets; i++) {
		uint64_t symbol = word32(bytes, buckets + i);
		if (!symbol)
			continue;
		if (symbol < first)
			return elf_file_malformed(file, err, "DT_GNU_HASH makes no sense");
		for (;; symbol++) {
			uint64_t at = chains + (symbol - first);
			if (at >= words)
				return elf_file_malformed(file, err, "DT_GNU_HASH has no end");
			/* Met before: two buckets run into one chain. */
			if (symbol < bits->limit && bits->hashed[symbol])
				break;
			if (mark(file, bits, symbol, err) < 0)
				return -1;
			if (word32(bytes, at) & 1)
				break;
		}
	}
	return 0;
}

static int read_sysv_hash(struct elf_file *file, uint64_t vaddr, struct symbol_bits *bits,
                          bool count_only, struct matr_error *err)
{
	uint64_t room = elf_file_room(file, vaddr);
	const unsigned char *bytes = elf_file_at(file, vaddr, room);

	if (!bytes || room < 8)
		return elf_file_malformed(file, err, "DT_HASH is outside of the file");
	uint64_t n_buckets = word32(bytes, 0), n_chains = word32(bytes, 1);
	if (n_buckets + n_chains + 2 > room / 4)
		return elf_file_malformed(file, err, "DT_HASH is outside of the file");
	if (n_chains > bits->limit)
		return elf_file_malformed(file, err,
		                          "DT_HASH counts more symbols than the file holds");
	if (n_chains > bits->n)
		bits->n = (size_t)n_chains;
	for (uint64_t i = 0; i < n_buckets && !count_only; i++) {
		uint64_t symbol = word32(bytes, 2 + i);
		while (symbol) {
			if (symbol >= n_chains)
				return elf_file_malformed(file, err, "DT_HASH makes no sense");
			if (bits->hashed[symbol])
				break;
			bits->hashed[symbol] = 1;
			symbol = word32(bytes, 2 + n_buckets + symbol);
		}
	}
	return 0;
}

static int read_hash(struct elf_file *file, struct symbol_bits *bits, struct matr_error *err)
{
	struct matr_object *object = file->object;
	uint64_t gnu, sysv;
	bool has_gnu = elf_file_tag(file, DT_GNU_HASH, &gnu);
	bool has_sysv = elf_file_tag(file, DT_HASH, &sysv);

	if (has_gnu || has_sysv)
		object->flags |= MATR_OBJECT_HASHED;
	if (has_gnu) {
		object->flags |= MATR_OBJECT_GNU_HASH;
		if (read_gnu_hash(file, gnu, bits, err) < 0)
			return -1;
	}
	if (has_sysv)
		return read_sysv_hash(file, sysv, bits, has_gnu, err);
	return 0;
}

static int read_symbol(struct elf_file *file, const unsigned char *bytes, size_t index,
                       struct matr_symbol *out, struct matr_error *err)
{
	Elf64_Sym raw;

	memcpy(&raw, bytes + index * sizeof raw, sizeof raw);
	*out = (struct matr_symbol){
	        .name = elf_file_string(file, raw.st_name),
	        .value = raw.st_value,
	        .size = raw.st_size,
	        .section = raw.st_shndx,
	        .version = 1,
	        .type = ELF64_ST_TYPE(raw.st_info),
	        .binding = ELF64_ST_BIND(raw.st_info),
	        .visibility = ELF64_ST_VISIBILITY(raw.st_other),
	};
	if (!out->name)
		return elf_file_malformed(
		        file, err, "the name of symbol %zu is outside of its string table", index);
	return 0;
}

static int read_table(struct elf_file *file, struct symbol_bits *bits, const unsigned char *bytes,
                      struct matr_error *err)
{
	struct matr_object *object = file->object;

	if (read_hash(file, bits, err) < 0)
		return -1;
	for (size_t i = 0; i < object->n_relocations; i++) {
		uint32_t symbol = object->relocations[i].symbol;
		if (symbol >= bits->limit)
			return elf_file_malformed(
			        file, err, "a relocation names a symbol outside of the file");
		if (symbol >= bits->n)
			bits->n = (size_t)symbol + 1;
	}
	object->symbols = calloc(bits->n + 1, sizeof *object->symbols);
	if (!object->symbols)
		return matr_fail_memory(err);
	for (; object->n_symbols < bits->n; object->n_symbols++) {
		struct matr_symbol *symbol = &object->symbols[object->n_symbols];
		if (read_symbol(file, bytes, object->n_symbols, symbol, err) < 0)
			return -1;
		symbol->hashed = bits->hashed[object->n_symbols];
	}
	return 0;
}

int read_symbols(struct elf_file *file, struct matr_error *err)
{
	uint64_t vaddr, entry_size;
	struct symbol_bits bits = {0};

	if (!elf_file_tag(file, DT_SYMTAB, &vaddr))
		return elf_file_malformed(file, err, "has no dynamic symbol table");
	if (elf_file_tag(file, DT_SYMENT, &entry_size) && entry_size != sizeof(Elf64_Sym))
		return elf_file_malformed(file, err, "DT_SYMENT is not the size of a symbol");
	uint64_t room = elf_file_room(file, vaddr);
	const unsigned char *bytes = elf_file_at(file, vaddr, room);
	bits.limit = (size_t)(room / sizeof(Elf64_Sym));
	if (!bytes || !bits.limit)
		return elf_file_malformed(file, err, "its symbol table is outside of the file");
	bits.hashed = calloc(bits.limit, 1);
	if (!bits.hashed)
		return matr_fail_memory(err);
	int result = read_table(file, &bits, bytes, err);
	free(bits.hashed);
	return result;
}
