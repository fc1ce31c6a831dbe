/* relr.c - DT_RELR, the compact relative relocations, expanded.
 *
 * An even entry is the address of one word; an odd entry is a bitmap, of which bit n (1..63) stands
 * for the n-th word after those covered so far. The addend is what the file holds in the word.
 *
 * 8 bytes can stand for 63 relocations, and ld.so would add the load address twice to a word that
 * is named twice. So addresses have to ascend, as linkers write them, and each word has to come
 * from the file: then there cannot be more relocations than the file has words.
 */
#include "elf/reader.h"

#include <string.h>

struct relr_pass {
	struct matr_relative *words; /* NULL while counting */
	size_t n;
	uint64_t next; /* no word below this address is expected any more */
};

static int add_word(struct elf_reader *reader, struct relr_pass *pass, uint64_t vaddr)
{
	uint64_t addend;

	if (vaddr < pass->next || vaddr > UINT64_MAX - sizeof addend)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "DT_RELR does not ascend at address 0x%llx",
				 (unsigned long long)vaddr);
	pass->next = vaddr + sizeof addend;
	if (pass->words) {
		if (elf_reader_copy(reader, vaddr, &addend, sizeof addend, "a DT_RELR word") != 0)
			return -1;
		pass->words[pass->n].offset = vaddr;
		pass->words[pass->n].addend = (int64_t)addend;
	}
	pass->n++;
	if (pass->n > reader->file_size / sizeof addend)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "DT_RELR names more words than the file has");
	return 0;
}

static int walk(struct elf_reader *reader, const unsigned char *entries, uint64_t n,
		struct relr_pass *pass)
{
	uint64_t covered = 0; /* the word that bit 1 of the next bitmap stands for; 0: none yet */

	for (uint64_t i = 0; i < n; i++) {
		uint64_t entry;

		memcpy(&entry, entries + i * sizeof entry, sizeof entry);
		if ((entry & 1) == 0) {
			if (add_word(reader, pass, entry) != 0)
				return -1;
			covered = entry + 8;
			continue;
		}
		if (covered == 0)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_RELR starts with a bitmap");
		uint64_t vaddr = covered;
		for (uint64_t bits = entry >> 1; bits != 0; bits >>= 1, vaddr += 8)
			if (bits & 1 && add_word(reader, pass, vaddr) != 0)
				return -1;
		if (covered > UINT64_MAX - 63 * 8)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_RELR wraps around the address space");
		covered += 63 * 8;
	}
	return 0;
}

int elf_read_relr(struct elf_reader *reader)
{
	struct matr_object *object = reader->object;
	struct relr_pass count = {0}, fill = {0};
	const unsigned char *entries = NULL;
	uint64_t vaddr, size = 0, entry_size;

	if (elf_dynamic_value(object, DT_RELR, &vaddr)) {
		if (elf_dynamic_need(reader, DT_RELRSZ, &size, "DT_RELRSZ") != 0)
			return -1;
		if (size % 8 != 0 ||
		    (elf_dynamic_value(object, DT_RELRENT, &entry_size) && entry_size != 8))
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "DT_RELR does not consist of 8-byte entries");
		entries = elf_reader_at(reader, vaddr, size, "DT_RELR");
		if (!entries || walk(reader, entries, size / 8, &count) != 0)
			return -1;
	}
	fill.words = elf_reader_allocate(reader, count.n, sizeof *object->relr);
	if (!fill.words)
		return -1;
	object->relr = fill.words;
	if (entries && walk(reader, entries, size / 8, &fill) != 0)
		return -1;
	object->n_relr = fill.n;
	return 0;
}
