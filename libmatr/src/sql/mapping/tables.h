/* tables.h - the tables of the mapping. */
#ifndef MATR_SQL_MAPPING_TABLES_H
#define MATR_SQL_MAPPING_TABLES_H

#include "sql/mapping/table.h"

extern const struct mapping_schema mapping_epochs, mapping_applications, mapping_objects,
	mapping_needed, mapping_scopes, mapping_bindings, mapping_relocations, mapping_symbols,
	mapping_closures, mapping_closure_scopes, mapping_closure_bindings,
	mapping_closure_relocations, mapping_violations, mapping_withdrawals, mapping_declined;

/* Add all of them, and matr_epoch(), to the connection; sql->mapping is made here. 0 or -1. */
int mapping_tables_register(struct matr_sql *sql, struct matr_error *err);

/* CREATE TABLE of the i-th table, with a comment for every column; sqlite3_free(). NULL: there
 * are no more, or out of memory. */
char *mapping_tables_schema(size_t i);

#endif
