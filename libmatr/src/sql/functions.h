/* functions.h - the SQL functions of every connection. */
#ifndef MATR_SQL_FUNCTIONS_H
#define MATR_SQL_FUNCTIONS_H

#include "sql/vtab/connection.h"

/* Add demangle(), build_id(), soname(), to_hex() and canonical_path(). 0 or -1. */
int sql_functions_register(struct matr_sql *sql, struct matr_error *err);

#endif
