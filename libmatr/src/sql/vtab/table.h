/* table.h - an SQLite virtual table of a row source.
 *
 * It picks the files, gives SQLite the costs of constraints, and turns a file that cannot be read
 * into a warning.
 */
#ifndef MATR_SQL_TABLE_H
#define MATR_SQL_TABLE_H

#include "sql/vtab/row_source.h"

int table_register(struct matr_sql *sql, const struct row_source *source, struct matr_error *err);

#endif
