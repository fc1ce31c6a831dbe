/* format.h - the names of output formats. */
#ifndef MATR_TOOLS_COMMON_FORMAT_H
#define MATR_TOOLS_COMMON_FORMAT_H

#include <stdbool.h>

enum output_format {
	FORMAT_TABLE,
	FORMAT_LIST,
	FORMAT_CSV,
	FORMAT_JSON,
	FORMAT_MARKDOWN,
	FORMAT_LINE,
	FORMAT_JSONL, /* an object a line */
	FORMATS,
	/* Graphs, of commands that draw them; format_parse() rejects these. */
	FORMAT_DOT,
	FORMAT_SVG,
};

/* "table", "list" and so on. */
const char *format_name(enum output_format format);

/* false: no format has this name. */
bool format_parse(const char *name, enum output_format *format);

/* The same for "dot" and "svg". */
bool format_parse_graph(const char *name, enum output_format *format);

/* One of the two that are rows and nothing else. */
static inline bool format_is_rows(enum output_format format)
{
	return format == FORMAT_CSV || format == FORMAT_JSONL;
}

static inline bool format_is_graph(enum output_format format)
{
	return format == FORMAT_DOT || format == FORMAT_SVG;
}

#endif
