/* parse.h - a row of an export from a line of JSON. */
#ifndef MATR_TOOLS_EXPORT_PARSE_H
#define MATR_TOOLS_EXPORT_PARSE_H

#include "common/text.h"
#include "matr/export/schema.h"

struct export_parser {
	enum export_table table;
	struct export_value values[EXPORT_COLUMNS_MAX];
	struct text texts[EXPORT_COLUMNS_MAX]; /* that the values are in */
	struct text key;
	const char *why; /* what is wrong with the line */
};

/* Parse a line. Returns 0, or -1 with `why`, a clause ("is no JSON object"), or out of memory if
 * that is NULL. */
int export_parse(struct export_parser *parser, const char *line, size_t size);

void export_parser_free(struct export_parser *parser);

#endif
