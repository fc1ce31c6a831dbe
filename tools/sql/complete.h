/* complete.h - what a word may become: names of tables, columns, functions, keywords, commands,
 * files. */
#ifndef MATR_TOOLS_SQL_COMPLETE_H
#define MATR_TOOLS_SQL_COMPLETE_H

#include "sql/session.h"

struct candidates {
	char **list; /* sorted, each once */
	size_t n;
};

/* The candidates for the word that ends where `line` does, which begins at *start. `before` is
 * what was typed before the line, of the same statement. Out of memory: there are none. */
void complete(struct session *session, const char *before, const char *line, size_t *start,
	      struct candidates *out);
void candidates_free(struct candidates *candidates);

/* Count the bytes that all candidates have in common at their beginning, letters of either case
 * alike. */
size_t candidates_common(const struct candidates *candidates);

#endif
