/* extension.c - the loadable extension: `.load matr` in the sqlite3 shell, load_extension()
 * elsewhere.
 *
 * It has no options: the tables of ELF files take their file as an argument, and those of the
 * mapping read the prefix that the environment variable MATR_PREFIX names, else the system's.
 */
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3

#include <stdlib.h>

#include <matr/sql.h>

MATR_API int sqlite3_matr_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int sqlite3_matr_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
	struct matr_error err = {0};
	struct matr_sql_options options = {.prefix = getenv("MATR_PREFIX")};

	SQLITE_EXTENSION_INIT2(api);
	if (matr_sql_register(db, &options, &err) == 0)
		return SQLITE_OK;
	*message = sqlite3_mprintf("matr: %s%s%s", err.file, err.file[0] ? ": " : "", err.message);
	return SQLITE_ERROR;
}
