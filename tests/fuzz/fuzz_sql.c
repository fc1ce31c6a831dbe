/* fuzz_sql.c - the tables of ELF files and of debugging information with any file.
 *
 * Every table is read to its end, or a while, with all columns. What a look-up finds has to be what
 * going through all finds.
 */
#include "fuzz_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include <matr/sql.h>

static const char *const all_rows[] = {
	"SELECT *, class, byte_order, os_abi, flags FROM elf_headers",
	"SELECT *, address, flags, link, info, alignment, number FROM elf_sections LIMIT 200",
	"SELECT * FROM elf_segments LIMIT 200",
	"SELECT *, binding, visibility, symbol_table, is_default FROM elf_symbols LIMIT 2000",
	"SELECT *, flags FROM elf_version_requirements LIMIT 2000",
	"SELECT * FROM elf_version_definitions LIMIT 2000",
	"SELECT *, text FROM elf_dynamic_entries LIMIT 2000",
	"SELECT *, offset, relocation_section, second_addend FROM elf_relocations LIMIT 2000",
	"SELECT * FROM elf_strings LIMIT 2000",
	"SELECT * FROM elf_notes LIMIT 2000",
	"SELECT path, name FROM elf_needed LIMIT 200",
	"SELECT * FROM elf_instructions LIMIT 2000",
	"SELECT *, linkage_name, full_name FROM dwarf_dies LIMIT 2000",
	"SELECT * FROM dwarf_dies_graph LIMIT 2000",
	"SELECT *, end_sequence, is_statement FROM dwarf_debug_lines LIMIT 2000",
	"SELECT build_id(path), soname(path) FROM elf_headers",
};

/* Rows of a table that a look-up does not find again: there must be none. */
static const char *const lost_rows[] = {
	"SELECT count(*) FROM (SELECT * FROM elf_symbols LIMIT 300) a WHERE NOT EXISTS (SELECT 1 "
	"FROM "
	"elf_symbols b WHERE b.path = a.path AND b.name = a.name AND b.value = a.value)",
	"SELECT count(*) FROM (SELECT * FROM elf_symbols LIMIT 300) a WHERE NOT EXISTS (SELECT 1 "
	"FROM "
	"elf_symbols b WHERE b.value BETWEEN a.value AND a.value AND b.name IS a.name)",
	"SELECT count(*) FROM (SELECT * FROM elf_strings LIMIT 300) a WHERE NOT EXISTS (SELECT 1 "
	"FROM "
	"elf_strings b WHERE b.offset = a.offset AND b.section = a.section AND b.value = a.value)",
	"SELECT count(*) FROM (SELECT * FROM dwarf_dies LIMIT 300) a WHERE NOT EXISTS (SELECT 1 "
	"FROM "
	"dwarf_dies b WHERE b.offset = a.offset AND b.tag = a.tag)",
	"SELECT count(*) FROM (SELECT * FROM dwarf_dies_graph LIMIT 300) a WHERE NOT EXISTS "
	"(SELECT 1 "
	"FROM dwarf_dies_graph b WHERE b.parent_offset = a.parent_offset AND b.child_offset = "
	"a.child_offset)",
	"SELECT count(*) FROM (SELECT * FROM elf_instructions LIMIT 300) a WHERE NOT EXISTS "
	"(SELECT 1 "
	"FROM elf_instructions b WHERE b.address = a.address AND b.section = a.section AND "
	"b.mnemonic "
	"= a.mnemonic)",
};

static void ignore(void *context, const struct matr_error *warning)
{
	(void)context;
	if (!warning->message[0])
		abort();
	fuzz_use_string(warning->file);
}

static void fail(sqlite3 *db, const char *query)
{
	fprintf(stderr, "%s: %s\n", query, sqlite3_errmsg(db));
	abort();
}

/* The first number of the result. */
static sqlite3_int64 run(sqlite3 *db, const char *query)
{
	sqlite3_stmt *statement;
	sqlite3_int64 first = 0;
	int result;

	if (sqlite3_prepare_v2(db, query, -1, &statement, NULL) != SQLITE_OK)
		fail(db, query);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		first = sqlite3_column_int64(statement, 0);
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			if (sqlite3_column_type(statement, i) != SQLITE_NULL)
				fuzz_use(sqlite3_column_blob(statement, i),
					 (size_t)sqlite3_column_bytes(statement, i));
	}
	if (result != SQLITE_DONE)
		fail(db, query);
	sqlite3_finalize(statement);
	return first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	struct matr_sql_options options = {.files = &path, .n_files = 1, .warn = ignore};
	struct matr_error err;
	sqlite3 *db;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK || matr_sql_register(db, &options, &err) < 0)
		abort();
	for (size_t i = 0; i < sizeof all_rows / sizeof *all_rows; i++)
		run(db, all_rows[i]);
	for (size_t i = 0; i < sizeof lost_rows / sizeof *lost_rows; i++)
		if (run(db, lost_rows[i]) != 0)
			fail(db, lost_rows[i]);
	sqlite3_close(db);
	return 0;
}
