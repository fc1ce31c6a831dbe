/* terminal.h - what standard output is: a terminal or not, how wide, with colours or without. */
#ifndef MATR_TOOLS_COMMON_TERMINAL_H
#define MATR_TOOLS_COMMON_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum terminal_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Test whether standard output was a terminal at the first call. It stays one when a pager takes it
 * over. */
bool terminal_is_output(void);

/* Columns of the terminal: COLUMNS, or else its own number, or else 80; at least 8. 0 if standard
 * output is no terminal: there is no limit. */
size_t terminal_width(void);

/* Columns of the terminal that standard error is; 80 if it has no number. */
size_t terminal_error_width(void);

/* Lines of the terminal: LINES, or else its own number, or else 24. */
size_t terminal_height(void);

/* TERM is missing or "dumb": neither escape sequences nor a pager. */
bool terminal_is_dumb(void);

/* Parse "auto", "always" or "never", for --color and MATR_COLOR. false: it is none of them. */
bool terminal_parse_color(const char *text, enum terminal_color *color);

/* Decide about colours in place of MATR_COLOR; "auto", "always" or "never". */
void terminal_set_color(enum terminal_color color);

/* Hand the decision to programs that this process executes: MATR_COLOR. */
void terminal_export_color(void);

/* Test whether the stream may have colours. With COLOR_AUTO it may if it is a terminal that is not
 * dumb, and NO_COLOR is not set. */
bool terminal_has_color(FILE *out);

/* Test whether a line on standard error may be written over. */
bool terminal_shows_progress(void);

#endif
