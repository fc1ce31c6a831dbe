/* functions.h - functions for the queries that the tables of the mapping consist of. */
#ifndef MATR_SQL_MAPPING_FUNCTIONS_H
#define MATR_SQL_MAPPING_FUNCTIONS_H

#include "sql/mapping/store.h"

/* Add to the store's connection: base_name(PATH), image_epoch(), relro(OBJECT-ID),
 * executable_stack(OBJECT-ID). Returns an SQLite result code. */
int mapping_functions_add(struct mapping_store *store);

#endif
