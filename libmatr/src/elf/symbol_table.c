/* symbol_table.c - the dynamic symbols with their .gnu.version entries.
 *
 * The table is as long as the hash table implies, or longer where a relocation refers to a symbol
 * further on: ld.so looks at no other symbols.
 */
#include "elf/reader.h"

#include <string.h>

int elf_read_symbols(struct elf_reader *reader, uint64_t n_symbols)
{
	struct matr_object *object = reader->object;
	uint64_t vaddr, versions_vaddr, entry_size;
	const unsigned char *table, *versions = NULL;

	if (elf_count_hashed_symbols(reader, &n_symbols) != 0)
		return -1;
	if (n_symbols == 0) {
		object->symbols = elf_reader_allocate(reader, 0, sizeof *object->symbols);
		return object->symbols ? 0 : -1;
	}
	if (elf_dynamic_need(reader, DT_SYMTAB, &vaddr, "DT_SYMTAB") != 0)
		return -1;
	if (elf_dynamic_value(object, DT_SYMENT, &entry_size) && entry_size != sizeof(Elf64_Sym))
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
				 "has symbols of %llu bytes", (unsigned long long)entry_size);
	table = elf_reader_at(reader, vaddr, n_symbols * sizeof(Elf64_Sym), "the symbol table");
	if (!table)
		return -1;
	if (elf_dynamic_value(object, DT_VERSYM, &versions_vaddr)) {
		versions = elf_reader_at(reader, versions_vaddr, n_symbols * sizeof(Elf64_Half),
					 "DT_VERSYM");
		if (!versions)
			return -1;
	}
	object->symbols = elf_reader_allocate(reader, n_symbols, sizeof *object->symbols);
	if (!object->symbols)
		return -1;
	object->n_symbols = n_symbols;
	for (uint64_t i = 0; i < n_symbols; i++) {
		struct matr_symbol *symbol = &object->symbols[i];
		Elf64_Sym entry;
		Elf64_Half version = VER_NDX_GLOBAL;

		memcpy(&entry, table + i * sizeof entry, sizeof entry);
		if (versions)
			memcpy(&version, versions + i * sizeof version, sizeof version);
		*symbol = (struct matr_symbol){
			.name = elf_reader_string(reader, entry.st_name, "a symbol's name"),
			.value = entry.st_value,
			.size = entry.st_size,
			.section = entry.st_shndx,
			.version = version,
			.type = ELF64_ST_TYPE(entry.st_info),
			.binding = ELF64_ST_BIND(entry.st_info),
			.visibility = ELF64_ST_VISIBILITY(entry.st_other),
		};
		if (!symbol->name)
			return -1;
	}
	return elf_mark_hashed_symbols(reader);
}
