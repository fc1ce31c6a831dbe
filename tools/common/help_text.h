/* help_text.h - two columns of a help text: what one types, and what it does. */
#ifndef MATR_TOOLS_COMMON_HELP_TEXT_H
#define MATR_TOOLS_COMMON_HELP_TEXT_H

#include <stddef.h>

#include "common/text.h"

/* Columns of the terminal that is standard output, 20 to 80; 80 elsewhere. */
size_t help_width(void);

/* Add a line: `left` from the third column, `right` wrapped between the column left_width + 4 and
 * `width`. A left side that is longer has a line of its own, as all have on a narrow terminal. */
void help_add_row(struct text *text, const char *left, const char *right, size_t left_width,
		  size_t width);

#endif
