/* postgresql.h - exports in a PostgreSQL database of many machines: docs/fleet/postgresql.sql. */
#ifndef MATR_TOOLS_EXPORT_POSTGRESQL_H
#define MATR_TOOLS_EXPORT_POSTGRESQL_H

#include <matr/error.h>

#include "matr/export/schema.h"

/* Load an epoch in one transaction. What the database has already is not sent. Of an epoch of this
 * host that it has, the end, edits and violations are loaded again.
 * url: postgresql://..., without a password. replace: an epoch of that number with other contents.
 * Returns 1 if the epoch is there now, 0 if it was there before, -1 on error.
 * Errors: those of the source, STORE (the server's message), STATE (the database has other tables,
 * or other contents for this epoch), USAGE (a password in the URL). */
int export_to_postgresql(const struct export_source *source, const char *url, bool replace,
			 struct matr_error *err);

#endif
