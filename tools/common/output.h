/* output.h - rows for people (table), for programs (json) and for spreadsheets (csv).
 *
 * A command describes its columns once and then gives cell after cell, whatever the format:
 *
 *	output_open(&output, FORMAT_CSV, columns, 2);
 *	output_text(&output, "libc.so.6");
 *	output_number(&output, 42);
 *	...
 *	return output_close(&output, &err);
 *
 * Tables: the widths come from the first rows, so that any number of rows can follow without being
 * kept. JSON: an array of objects, one a line. CSV: RFC 4180 with a header line.
 */
#ifndef MATR_OUTPUT_H
#define MATR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <matr/error.h>

enum output_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

struct output_column {
	const char *name;
	enum { CELL_TEXT, CELL_NUMBER, CELL_HEX } kind; /* numbers are aligned to the right */
};

enum { OUTPUT_COLUMNS_MAX = 16, OUTPUT_SAMPLE = 256 };

struct output {
	enum output_format format;
	const struct output_column *columns;
	size_t n_columns, column; /* column: of the next cell */
	size_t rows;
	size_t widths[OUTPUT_COLUMNS_MAX];
	char **sample; /* cells of the first rows, until the widths are known */
	size_t n_sample;
	struct json_object *row;
	bool failed; /* out of memory */
};

void output_open(struct output *output, enum output_format format,
		 const struct output_column *columns, size_t n_columns);
void output_text(struct output *output, const char *text); /* NULL: an empty cell, JSON null */
void output_number(struct output *output, int64_t number);
void output_hex(struct output *output, uint64_t number); /* JSON: a plain number */

/* Write what is left. -1: out of memory, or standard output could not be written. */
int output_close(struct output *output, struct matr_error *err);

/* One object of JSON, pretty-printed; takes it over. */
int output_json(struct json_object *object, struct matr_error *err);

/* Flush standard output and see whether everything arrived. */
int output_flush(struct matr_error *err);

/* "table", "json" or "csv"; false: none of them. */
bool output_format_parse(const char *name, enum output_format *format);

/* A heading or a value worth noticing: bold on a terminal, plain elsewhere. */
const char *output_bold(void);
const char *output_normal(void);

/* 1234567 as "1,234,567", and bytes as "1.2 MB", for tables. */
const char *output_grouped(uint64_t number, char buffer[32]);
const char *output_bytes(uint64_t bytes, char buffer[32]);

#endif
