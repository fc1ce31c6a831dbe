/* format.c - the names of output formats. */
#include "common/format.h"

#include <string.h>

static const char *const names[FORMATS] = {"table",    "list", "csv",  "json",
					   "markdown", "line", "jsonl"};

const char *format_name(enum output_format format)
{
	return names[format];
}

bool format_parse(const char *name, enum output_format *format)
{
	for (int i = 0; i < FORMATS; i++) {
		if (strcmp(names[i], name) == 0) {
			*format = (enum output_format)i;
			return true;
		}
	}
	return false;
}

bool format_parse_graph(const char *name, enum output_format *format)
{
	if (strcmp(name, "dot") != 0 && strcmp(name, "svg") != 0)
		return false;
	*format = strcmp(name, "dot") == 0 ? FORMAT_DOT : FORMAT_SVG;
	return true;
}
