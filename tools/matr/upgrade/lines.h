/* lines.h - lists of lines, such as the files of an installed package. */
#ifndef MATR_TOOLS_UPGRADE_LINES_H
#define MATR_TOOLS_UPGRADE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

struct lines { /* all zero: empty */
	char **list;
	size_t n;
};

/* Append a copy of the text. Errors: MEMORY. */
int lines_add(struct lines *lines, const char *text, struct matr_error *err);

bool lines_have(const struct lines *lines, const char *text);

/* Append the lines of a file that dpkg keeps for an installed package. package: "libc6:amd64", or
 * without the architecture; kind: "list" (all its files) or "conffiles". Without such a file there
 * are no lines. Errors: SYSTEM, MEMORY; the lines before the error stay. */
int lines_add_package(struct lines *lines, const char *package, const char *kind,
		      struct matr_error *err);

void lines_free(struct lines *lines);

#endif
