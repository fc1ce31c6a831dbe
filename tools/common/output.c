/* output.c - rows as table, JSON or CSV; see output.h. */
#include "common/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void output_open(struct output *output, enum output_format format,
		 const struct output_column *columns, size_t n_columns)
{
	*output = (struct output){.format = format, .columns = columns, .n_columns = n_columns};
	if (format == FORMAT_JSON)
		fputs("[", stdout);
	for (size_t i = 0; i < n_columns; i++) {
		output->widths[i] = strlen(columns[i].name);
		if (format == FORMAT_CSV)
			printf("%s%s", columns[i].name, i + 1 < n_columns ? "," : "\r\n");
	}
}

/* ---- table ---- */

static void print_cell(const struct output *output, size_t column, const char *text)
{
	int width = (int)output->widths[column];
	bool last = column + 1 == output->n_columns;

	if (output->columns[column].kind != CELL_TEXT)
		printf("%*s", width, text);
	else
		printf("%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", stdout);
}

/* Print header and the rows that were kept to find the widths. */
static void flush_sample(struct output *output)
{
	if (output->rows == 0)
		return;
	fputs(output_bold(), stdout);
	for (size_t i = 0; i < output->n_columns; i++)
		print_cell(output, i, output->columns[i].name);
	fputs(output_normal(), stdout);
	for (size_t i = 0; i < output->n_sample; i++) {
		print_cell(output, i % output->n_columns, output->sample[i]);
		free(output->sample[i]);
	}
	free(output->sample);
	output->sample = NULL;
	output->n_sample = 0;
}

static void table_cell(struct output *output, const char *text)
{
	if (output->rows >= OUTPUT_SAMPLE) {
		print_cell(output, output->column, text);
		return;
	}
	if (!output->sample) {
		output->sample = calloc(OUTPUT_SAMPLE * output->n_columns, sizeof *output->sample);
		if (!output->sample) {
			output->failed = true;
			return;
		}
	}
	char *copy = strdup(text);
	if (!copy) {
		output->failed = true;
		return;
	}
	size_t length = strlen(text);
	if (length > output->widths[output->column])
		output->widths[output->column] = length;
	output->sample[output->n_sample++] = copy;
}

/* ---- csv and json ---- */

static void csv_cell(const struct output *output, const char *text)
{
	if (strpbrk(text, ",\"\r\n")) {
		putchar('"');
		for (; *text; text++) {
			if (*text == '"')
				putchar('"');
			putchar(*text);
		}
		putchar('"');
	} else {
		fputs(text, stdout);
	}
	fputs(output->column + 1 < output->n_columns ? "," : "\r\n", stdout);
}

/* Takes the value over; NULL is JSON's null. */
static void json_cell(struct output *output, struct json_object *value)
{
	if (!output->row)
		output->row = json_object_new_object();
	if (!output->row ||
	    json_object_object_add(output->row, output->columns[output->column].name, value) != 0) {
		json_object_put(value);
		output->failed = true;
	}
}

static void json_row(struct output *output)
{
	const char *text =
		output->row ? json_object_to_json_string_ext(output->row,
							     JSON_C_TO_STRING_PLAIN |
								     JSON_C_TO_STRING_NOSLASHESCAPE)
			    : NULL;
	if (text)
		printf("%s\n%s", output->rows ? "," : "", text);
	else
		output->failed = true;
	json_object_put(output->row);
	output->row = NULL;
}

/* ---- cells ---- */

static void end_cell(struct output *output)
{
	if (++output->column < output->n_columns)
		return;
	output->column = 0;
	if (output->format == FORMAT_JSON)
		json_row(output);
	output->rows++;
	if (output->format == FORMAT_TABLE && output->rows == OUTPUT_SAMPLE)
		flush_sample(output);
}

static void put_text(struct output *output, const char *text)
{
	if (output->format == FORMAT_TABLE)
		table_cell(output, text);
	else
		csv_cell(output, text);
}

void output_text(struct output *output, const char *text)
{
	if (output->failed)
		return;
	if (output->format == FORMAT_JSON)
		json_cell(output, text ? json_object_new_string(text) : NULL);
	else
		put_text(output, text ? text : "");
	end_cell(output);
}

void output_number(struct output *output, int64_t number)
{
	char text[32];

	if (output->failed)
		return;
	snprintf(text, sizeof text, "%" PRId64, number);
	if (output->format == FORMAT_JSON)
		json_cell(output, json_object_new_int64(number));
	else
		put_text(output, text);
	end_cell(output);
}

void output_hex(struct output *output, uint64_t number)
{
	char text[32];

	if (output->failed)
		return;
	snprintf(text, sizeof text, "0x%" PRIx64, number);
	if (output->format == FORMAT_JSON)
		json_cell(output, json_object_new_uint64(number));
	else
		put_text(output, text);
	end_cell(output);
}

int output_close(struct output *output, struct matr_error *err)
{
	if (output->format == FORMAT_TABLE && output->rows < OUTPUT_SAMPLE)
		flush_sample(output);
	if (output->format == FORMAT_JSON)
		fputs(output->rows ? "\n]\n" : "]\n", stdout);
	for (size_t i = 0; i < output->n_sample; i++)
		free(output->sample[i]);
	free(output->sample);
	json_object_put(output->row);
	return output->failed ? matr_fail_memory(err) : output_flush(err);
}

int output_json(struct json_object *object, struct matr_error *err)
{
	const char *text = json_object_to_json_string_ext(
		object,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		puts(text);
	json_object_put(object);
	return text ? output_flush(err) : matr_fail_memory(err);
}

int output_flush(struct matr_error *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return matr_fail_errno(err, "standard output", "cannot be written");
	return 0;
}

bool output_format_parse(const char *name, enum output_format *format)
{
	static const char *const names[] = {"table", "json", "csv"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) == 0) {
			*format = (enum output_format)i;
			return true;
		}
	}
	return false;
}

/* ---- for people ---- */

static bool is_fancy(void)
{
	const char *terminal = getenv("TERM");
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

const char *output_bold(void)
{
	return is_fancy() ? "\033[1m" : "";
}

const char *output_normal(void)
{
	return is_fancy() ? "\033[0m" : "";
}

const char *output_grouped(uint64_t number, char buffer[32])
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
	char *at = buffer;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = 0;
	return buffer;
}

const char *output_bytes(uint64_t bytes, char buffer[32])
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB"};
	double amount = (double)bytes;
	size_t unit = 0;

	for (; amount >= 999.5 && unit < 3; unit++)
		amount /= 1000;
	snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", amount, units[unit]);
	return buffer;
}
