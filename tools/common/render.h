/* render.h - rows as a table, list, CSV, JSON, JSON lines, Markdown, or a line per column.
 *
 * Rows are written as they come. Tables take their widths from the first rows, which are kept until
 * then; a value that is wider than its column later on sticks out. On a terminal it does not: there
 * a table is as wide as the terminal at most, values go on below, and where even that has no room a
 * row has a line per column.
 *
 * What is shown is safe for a terminal (safe.h). CSV that goes elsewhere is faithful, and JSON has
 * escapes of its own.
 */
#ifndef MATR_TOOLS_COMMON_RENDER_H
#define MATR_TOOLS_COMMON_RENDER_H

#include <stdint.h>
#include <stdio.h>

#include "common/format.h"
#include "common/text.h"

enum { RENDER_SAMPLE = 256 };

struct render_column {
	const char *name;
	enum {
		COLUMN_BY_VALUES, /* to the right if all of its first values are numbers */
		COLUMN_LEFT,
		COLUMN_RIGHT,
	} side;
};

struct render_value {
	enum { VALUE_NULL, VALUE_NUMBER, VALUE_TEXT, VALUE_BLOB } type;
	const char *bytes; /* of a number: its text */
	size_t size;
	const char *json; /* a number as JSON has it; NULL: as the text */
};

struct render_cell {
	size_t start, size; /* in the text of the sample */
	size_t width;	    /* columns of a terminal */
};

struct render {
	/* to be set by the caller */
	enum output_format format;
	enum { HEADERS_BY_FORMAT, HEADERS_ON, HEADERS_OFF } headers; /* by format: not for lists */
	char null_text[32]; /* "" in lists and CSV unless it was set */
	bool null_set;
	char separator[16];    /* between the columns of a list */
	size_t width_max;      /* of a table's column; wider ones are not padded. 0: no limit */
	bool json_first_below; /* JSON: the first row has a line of its own, as the others */

	/* by render_set_out() */
	FILE *out;
	bool terminal, fancy;
	size_t screen; /* columns of the terminal; 0: no limit */

	/* of the rows that are being written */
	const struct render_column *columns;
	size_t n_columns, column;	 /* column: of the next value */
	size_t rows, n_printed, results; /* n_printed: rows of a table on a terminal */
	size_t *widths;
	char *kinds; /* per column: 'n' to the right, 't' to the left, 0 not yet known */
	struct render_cell *sample;
	size_t n_sample; /* cells; the table's head is not among them */
	struct text text;
	bool sampling, failed;
	bool records; /* a line per column: the table does not fit the screen */
};

/* Write to `out` from now on, and find out whether it is a terminal. */
void render_set_out(struct render *render, FILE *out);

/* Begin rows with these columns, which are to live as long as the rows. */
void render_begin(struct render *render, const struct render_column *columns, size_t n);

/* The next value, of a row from left to right. */
void render_value(struct render *render, const struct render_value *value);

/* Write what is left. -1: out of memory (`failed`), or `out` cannot be written. */
int render_end(struct render *render);

/* Test whether rendering has failed, or `out` cannot be written. Further values are useless
 * then. */
bool render_is_stuck(const struct render *render);

void render_free(struct render *render);

#endif
