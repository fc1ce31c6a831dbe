/* output.c - what commands print. */
#include "common/output.h"

#include "common/screen.h"
#include "common/standard.h"
#include "common/terminal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- rows ---- */

void output_open(struct output *output, enum output_format format,
		 const struct render_column *columns, size_t n_columns)
{
	*output = (struct output){.render = {
					  .format = format,
					  .null_set = true,
					  .json_first_below = true,
				  }};
	render_set_out(&output->render, stdout);
	render_begin(&output->render, columns, n_columns);
}

void output_text(struct output *output, const char *text)
{
	bool missing = !text || (!*text && output->render.format == FORMAT_CSV);

	render_value(&output->render,
		     &(struct render_value){.type = missing ? VALUE_NULL : VALUE_TEXT,
					    .bytes = text,
					    .size = text ? strlen(text) : 0});
}

static void put_number(struct output *output, const char *text, const char *json)
{
	render_value(&output->render, &(struct render_value){.type = VALUE_NUMBER,
							     .bytes = text,
							     .size = strlen(text),
							     .json = json});
}

void output_number(struct output *output, int64_t number)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, number);
	put_number(output, text, NULL);
}

void output_real(struct output *output, double number)
{
	char text[40];

	snprintf(text, sizeof text, "%.9g", number);
	put_number(output, text, NULL);
}

void output_hex(struct output *output, uint64_t number)
{
	char text[32], json[32];

	snprintf(text, sizeof text, "0x%" PRIx64, number);
	snprintf(json, sizeof json, "%" PRIu64, number);
	put_number(output, text, json);
}

int output_close(struct output *output, struct matr_error *err)
{
	render_end(&output->render);
	bool failed = output->render.failed;
	render_free(&output->render);
	return failed ? matr_fail_memory(err) : output_flush(err);
}

int output_flush(struct matr_error *err)
{
	return standard_flush(err);
}

/* ---- JSON ---- */

static int print_text(struct text *text, struct matr_error *err)
{
	bool failed = text->failed;

	fwrite(text_string(text), 1, text->size, stdout);
	text_free(text);
	return failed ? matr_fail_memory(err) : output_flush(err);
}

int output_json(struct json_object *object, struct matr_error *err)
{
	struct text text = {0};

	screen_wrap(false);
	const char *document = json_object_to_json_string_ext(
		object,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (document)
		text_add_json_document(&text, document);
	text_add(&text, "\n", 1);
	text.failed |= !document;
	json_object_put(object);
	return print_text(&text, err);
}

int output_json_string(const char *string, struct matr_error *err)
{
	struct text text = {0};

	screen_wrap(false);
	text_add_json_string(&text, string, strlen(string));
	return print_text(&text, err);
}

/* ---- for people ---- */

void output_bold(const char *format, ...)
{
	bool fancy = terminal_has_color(stdout);
	struct text text = {0};
	va_list args;

	va_start(args, format);
	text_add_format(&text, format, args);
	va_end(args);
	printf("%s%s%s", fancy ? "\033[1m" : "", text_string(&text), fancy ? "\033[0m" : "");
	text_free(&text);
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

const char *output_time(int64_t seconds, char buffer[32])
{
	time_t time = (time_t)seconds;
	struct tm broken_down;

	buffer[0] = 0;
	if (seconds && localtime_r(&time, &broken_down))
		strftime(buffer, 32, "%Y-%m-%d %H:%M:%S", &broken_down);
	return buffer;
}
