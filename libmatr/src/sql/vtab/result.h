/* result.h - results of columns, from files that may be closed before the value is done with. */
#ifndef MATR_SQL_RESULT_H
#define MATR_SQL_RESULT_H

#include "sql/reader/elf_names.h"
#include "sql/vtab/connection.h"

void result_text(sqlite3_context *context, const char *text); /* NULL: NULL */
void result_number(sqlite3_context *context, uint64_t number);
/* The name of a number (elf_name()); a number without a name is given as 0xHEX. */
void result_name(sqlite3_context *context, enum names kind, uint64_t number, unsigned machine);

/* End the query with an error: FILE: MESSAGE. */
void result_error(sqlite3_context *context, const struct matr_error *err);
/* The same for what a virtual table is asked. Returns what to return to SQLite. */
int result_table_error(sqlite3_vtab *table, const struct matr_error *err);

#endif
