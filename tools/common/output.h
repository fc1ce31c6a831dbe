/* output.h - what commands print: rows for people (table), programs (json, jsonl) and spreadsheets
 * (csv), and JSON documents.
 *
 * A command describes its columns once and then gives value after value, whatever the format:
 *
 * 	output_open(&output, FORMAT_CSV, columns, 2);
 * 	output_text(&output, "libc.so.6");
 * 	output_number(&output, 42);
 * 	...
 * 	return output_close(&output, &err);
 *
 * All of it is safe to show (render.h). JSON: an array of objects, one a line. CSV: RFC 4180 with a
 * header line. jsonl: the rows of csv, an object a line.
 */
#ifndef MATR_TOOLS_COMMON_OUTPUT_H
#define MATR_TOOLS_COMMON_OUTPUT_H

#include <stdint.h>

#include <json-c/json.h>

#include <matr/error.h>

#include "common/render.h"
#include "common/safe.h"

struct output {
	struct render render;
};

void output_open(struct output *output, enum output_format format,
		 const struct render_column *columns, size_t n_columns);
void output_text(struct output *output, const char *text); /* NULL: an empty cell, JSON null */
void output_number(struct output *output, int64_t number);
void output_real(struct output *output, double number);	 /* finite */
void output_hex(struct output *output, uint64_t number); /* JSON: a plain number */

/* Write what is left. -1: out of memory, or standard output could not be written. */
int output_close(struct output *output, struct matr_error *err);

/* Print a JSON document, indented. Takes the object. */
int output_json(struct json_object *object, struct matr_error *err);

/* Print a JSON string. */
int output_json_string(const char *string, struct matr_error *err);

/* Flush standard output. -1: not all of it could be written. */
int output_flush(struct matr_error *err);

/* Print a heading: bold on a terminal, plain elsewhere. */
void output_bold(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Format 1234567 as "1,234,567", bytes as "1.2 MB", and seconds since 1970 as local time ("" for
 * 0). */
const char *output_grouped(uint64_t number, char buffer[32]);
const char *output_bytes(uint64_t bytes, char buffer[32]);
const char *output_time(int64_t seconds, char buffer[32]);

#endif
