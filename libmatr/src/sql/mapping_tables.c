/* mapping_tables.c - the tables of the mapping. Not there yet. */
#include "sql_private.h"

int sql_register_mapping(struct matr_sql *sql, struct matr_error *err)
{
	(void)sql;
	(void)err;
	return 0;
}

char *sql_mapping_schema(size_t i)
{
	(void)i;
	return NULL;
}
