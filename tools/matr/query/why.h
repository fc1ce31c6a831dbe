/* why.h - the parts of `matr why`. */
#ifndef MATR_TOOLS_QUERY_WHY_H
#define MATR_TOOLS_QUERY_WHY_H

#include "common/output.h"
#include "common/recorded.h"

struct why {
	const char *asked; /* what the user called the symbol or library */
	enum output_format format;
	bool details; /* of a table: every reference */
	bool raw;     /* of a table: names as they are in the files */
};

/* `matr why --library` (why_library.c). */
int why_library(const struct why *why, const struct recorded *recorded, struct matr_error *err);

/* `matr why PROGRAM SYMBOL` as a graph, FORMAT_DOT or FORMAT_SVG (why_graph.c). */
int why_symbol_graph(const struct why *why, const struct recorded *recorded,
		     struct matr_error *err);

#endif
