/* render.h - the rows of a query as a table, list, CSV, JSON, Markdown, or a line per column.
 *
 * Rows are written as they come. Tables take their widths from the first rows, which are kept until
 * then; a value that is wider than its column later on sticks out.
 *
 * What is shown is safe for a terminal (text.h), except that CSV that goes elsewhere is faithful, and
 * JSON has escapes of its own.
 */
#ifndef MATR_SQL_RENDER_H
#define MATR_SQL_RENDER_H

#include <stdio.h>

#include <sqlite3.h>

#include "sql/text.h"

enum render_format {
	RENDER_TABLE,
	RENDER_LIST,
	RENDER_CSV,
	RENDER_JSON,
	RENDER_MARKDOWN,
	RENDER_LINE,
};

enum { RENDER_SAMPLE = 256 };

struct render_cell {
	size_t start, size; /* in the text of the sample */
	size_t width;	    /* columns of a terminal */
};

struct render {
	/* to be set by the caller */
	FILE *out;
	enum render_format format;
	enum { HEADERS_BY_FORMAT, HEADERS_ON, HEADERS_OFF } headers; /* by format: not for lists */
	char null_text[32]; /* "" in lists and CSV unless it was set */
	bool null_set;
	char separator[16];   /* between the columns of a list */
	bool terminal, fancy; /* of `out` */

	/* of the result that is being written */
	sqlite3_stmt *statement;
	int n_columns;
	size_t rows, results;
	size_t *widths;
	char *kinds; /* per column: 'n' only numbers so far, 't' text, 0 nothing yet */
	struct render_cell *sample;
	size_t n_sample; /* cells; the table's head is not among them */
	struct text text;
	bool sampling;
};

/* "table" and so on; false: none of them. */
bool render_format_parse(const char *name, enum render_format *format);
const char *render_format_name(enum render_format format);

/* A result with the statement's columns; each row that it is at; the end. -1: out of memory, or `out`
 * cannot be written. */
int render_begin(struct render *render, sqlite3_stmt *statement);
int render_row(struct render *render);
int render_end(struct render *render);
void render_free(struct render *render);

#endif
