/* row_source.c - the declaration of a table, and the names of its columns. */
#include "sql/vtab/row_source.h"

#include <stdio.h>
#include <string.h>

char *row_source_declaration(const struct row_source *source)
{
	return sqlite3_mprintf("CREATE TABLE %s(\n%s"
			       "  source TEXT HIDDEN, -- argument: a file or directory\n"
			       "  recursive INTEGER HIDDEN%s -- argument: with its libraries?\n"
			       "%s)",
			       source->name, source->columns, source->more[0] ? "," : "",
			       source->more);
}

void row_source_column(const struct row_source *source, int i, char *name, size_t size)
{
	const char *line = source->columns;

	if (i > source->n_columns) {
		line = source->more;
		i -= source->n_columns + 2;
	}
	for (; i > 0; i--)
		line += strcspn(line, "\n") + 1;
	line += strspn(line, " ");
	snprintf(name, size, "%.*s", (int)strcspn(line, " "), line);
}
