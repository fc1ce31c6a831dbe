/* tables.h - the tables of ELF files. */
#ifndef MATR_SQL_ELF_TABLES_H
#define MATR_SQL_ELF_TABLES_H

#include "sql/vtab/row_source.h"

extern const struct row_source elf_headers_rows, elf_sections_rows, elf_segments_rows,
	elf_symbols_rows, elf_version_requirements_rows, elf_version_definitions_rows,
	elf_dynamic_entries_rows, elf_relocations_rows, elf_strings_rows, elf_notes_rows,
	elf_instructions_rows, elf_needed_rows, dwarf_dies_rows, dwarf_dies_graph_rows,
	dwarf_debug_lines_rows;

/* Add all of them to the connection. 0 or -1. */
int elf_tables_register(struct matr_sql *sql, struct matr_error *err);

/* CREATE TABLE of the i-th table, with a comment for every column; sqlite3_free(). NULL: there
 * are no more, or out of memory. */
char *elf_tables_schema(size_t i);

#endif
