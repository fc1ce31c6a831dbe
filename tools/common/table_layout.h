/* table_layout.h - rows of a table on a terminal: no wider than that is. */
#ifndef MATR_TOOLS_COMMON_TABLE_LAYOUT_H
#define MATR_TOOLS_COMMON_TABLE_LAYOUT_H

#include <stdbool.h>

#include "common/render.h"

/* Make the widest columns narrower until all of them, two blanks apart, fit the screen. Columns of
 * numbers (kind 'n') stay as they are. false: there is no room for that. */
bool table_fit(size_t *widths, const char *kinds, size_t n, size_t screen);

/* Print a row of render->n_columns cells of `text` in the columns' widths; what is wider goes on in
 * the lines below. Changes the cells. */
void table_print_row(const struct render *render, const char *text, struct render_cell *cells,
		     bool bold);

/* Print a row as a line per column, below a blank line unless it is the first. */
void table_print_record(struct render *render, const char *text, const struct render_cell *cells,
			size_t row);

#endif
