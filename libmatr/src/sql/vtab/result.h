/* result.h - results of columns, from files that may be closed before the value is done with. */
#ifndef MATR_SQL_RESULT_H
#define MATR_SQL_RESULT_H

#include "sql/reader/elf_names.h"
#include "sql/vtab/connection.h"

void result_text(sqlite3_context *context, const char *text); /* NULL: NULL */
void result_number(sqlite3_context *context, uint64_t number);
/* The name of a number (elf_name()); a number without a name is given as 0xHEX. */
void result_name(sqlite3_context *context, enum names kind, uint64_t number, unsigned machine);

#endif
