/* elf_names.c - see elf_names.h. */
#include "sql/reader/elf_names.h"

#include <elf.h>
#include <stdio.h>

#include "sql/vtab/connection.h"

#include "elf_names.inc"

const char *elf_name(enum names kind, uint64_t number, unsigned machine)
{
	const char *name = name_of_machine(kind, number, machine);
	return name ? name : name_of_kind(kind, number);
}

void result_name(sqlite3_context *context, enum names kind, uint64_t number, unsigned machine)
{
	const char *name = elf_name(kind, number, machine);
	char text[24];

	if (name) {
		sqlite3_result_text(context, name, -1, SQLITE_STATIC);
		return;
	}
	snprintf(text, sizeof text, "0x%llx", (unsigned long long)number);
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}
