/* result.c - results of columns. */
#include "sql/vtab/result.h"

#include <stdio.h>

void result_text(sqlite3_context *context, const char *text)
{
	if (text)
		sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

void result_number(sqlite3_context *context, uint64_t number)
{
	sqlite3_result_int64(context, (sqlite3_int64)number);
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

/* FILE: MESSAGE; NULL without memory. sqlite3_free(). */
static char *error_text(const struct matr_error *err)
{
	return sqlite3_mprintf("%s%s%s", err->file, err->file[0] ? ": " : "", err->message);
}

void result_error(sqlite3_context *context, const struct matr_error *err)
{
	char *text = error_text(err);

	if (text)
		sqlite3_result_error(context, text, -1);
	else
		sqlite3_result_error_nomem(context);
	sqlite3_free(text);
}

int result_table_error(sqlite3_vtab *table, const struct matr_error *err)
{
	sqlite3_free(table->zErrMsg);
	table->zErrMsg = error_text(err);
	return table->zErrMsg ? SQLITE_ERROR : SQLITE_NOMEM;
}
