/* tables.c - the list of the tables of ELF files. */
#include "sql/elf/tables.h"

#include "sql/vtab/table.h"

static const struct row_source *const sources[] = {
	&elf_headers_rows,
	&elf_sections_rows,
	&elf_segments_rows,
	&elf_symbols_rows,
	&elf_version_requirements_rows,
	&elf_version_definitions_rows,
	&elf_dynamic_entries_rows,
	&elf_relocations_rows,
	&elf_strings_rows,
	&elf_notes_rows,
	&elf_needed_rows,
	&elf_instructions_rows,
	&dwarf_dies_rows,
	&dwarf_dies_graph_rows,
	&dwarf_debug_lines_rows,
	NULL,
};

int elf_tables_register(struct matr_sql *sql, struct matr_error *err)
{
	for (size_t i = 0; sources[i]; i++)
		if (table_register(sql, sources[i], err) < 0)
			return -1;
	return 0;
}

char *elf_tables_schema(size_t i)
{
	for (size_t n = 0; sources[n]; n++)
		if (n == i)
			return row_source_declaration(sources[n]);
	return NULL;
}
