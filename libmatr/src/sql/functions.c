/* functions.c - SQL functions. */
#include "sql_private.h"

int sql_register_functions(struct matr_sql *sql, struct matr_error *err)
{
	(void)sql;
	(void)err;
	return 0;
}
