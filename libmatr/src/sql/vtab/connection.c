/* connection.c - references, warnings and errors of one connection. */
#include "sql/vtab/connection.h"

#include "sql/vtab/warnings.h"

struct matr_sql *sql_hold(struct matr_sql *sql)
{
	sql->references++;
	return sql;
}

void sql_release(void *pointer)
{
	struct matr_sql *sql = pointer;

	if (--sql->references == 0)
		sql->free(sql);
}

void sql_warn(struct matr_sql *sql, const struct matr_error *warning)
{
	warnings_give(sql->warnings, warning);
}

int sql_fail(sqlite3 *db, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_STORE, NULL, "%s", sqlite3_errmsg(db));
}
