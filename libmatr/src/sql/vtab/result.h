/* result.h - results of columns, from files that may be closed before the value is done with. */
#ifndef MATR_SQL_RESULT_H
#define MATR_SQL_RESULT_H

#include "sql/vtab/connection.h"

static inline void result_text(sqlite3_context *context, const char *text) /* NULL: NULL */
{
	if (text)
		sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static inline void result_number(sqlite3_context *context, uint64_t number)
{
	sqlite3_result_int64(context, (sqlite3_int64)number);
}

#endif
