/* result.h - the rows of a query. */
#ifndef MATR_TOOLS_SQL_RESULT_H
#define MATR_TOOLS_SQL_RESULT_H

#include <sqlite3.h>

#include "common/render.h"

/* Step through the statement and show its rows. Returns SQLITE_DONE, an SQLite error, or -1 if
 * the output cannot be written. */
int result_show(struct render *render, sqlite3_stmt *statement);

#endif
