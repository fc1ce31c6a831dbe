/* render.c - rows in seven formats. */
#include "common/render.h"

#include "common/safe.h"
#include "common/screen.h"
#include "common/table_layout.h"
#include "common/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* BLOB_SHOWN: bytes of one; hex() in SQL has all of it. */
enum { BLOB_SHOWN = 32, SAMPLE_BYTES_MAX = 4 << 20 };

static bool has_headers(const struct render *render)
{
	if (render->headers == HEADERS_BY_FORMAT)
		return render->format != FORMAT_LIST;
	return render->headers == HEADERS_ON;
}

static bool is_table(const struct render *render)
{
	return render->format == FORMAT_TABLE || render->format == FORMAT_MARKDOWN;
}

/* Test whether the output is a table that has to fit a terminal. */
static bool is_on_screen(const struct render *render)
{
	return render->format == FORMAT_TABLE && render->screen;
}

bool render_is_stuck(const struct render *render)
{
	return render->failed || render->text.failed || ferror(render->out);
}

void render_set_out(struct render *render, FILE *out)
{
	render->out = out;
	render->terminal = out == stdout ? terminal_is_output() : isatty(fileno(out)) == 1;
	render->fancy = terminal_has_color(out);
}

/* ---- values ---- */

static void add_hex(struct text *text, const char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		text_add(text, (char[]){digits[byte >> 4], digits[byte & 15]}, 2);
	}
}

static const char *null_of(const struct render *render)
{
	bool sparse = render->format == FORMAT_LIST || render->format == FORMAT_CSV;
	return render->null_set ? render->null_text : sparse ? "" : "NULL";
}

/* Add a value for people. Returns the columns it takes. */
static size_t add_value(struct render *render, struct text *text, const struct render_value *value)
{
	size_t before = text->size;
	bool whole = value->size <= BLOB_SHOWN || render->format == FORMAT_LIST;

	switch (value->type) {
	case VALUE_NULL:
		text_add_string(text, null_of(render));
		return text->size - before;
	case VALUE_BLOB:
		text_add_string(text, "x'");
		add_hex(text, value->bytes, whole ? value->size : BLOB_SHOWN);
		if (whole)
			text_add_string(text, "'");
		else
			text_printf(text, "'... %zu bytes", value->size);
		return text->size - before;
	default:
		return text_add_safe(text, value->bytes, value->size);
	}
}

/* ---- table and Markdown ---- */

static void pad(FILE *out, size_t n)
{
	static const char blanks[] = "                                ";
	for (; n > 32; n -= 32)
		fputs(blanks, out);
	fwrite(blanks, 1, n, out);
}

static void print_cell(struct render *render, size_t column, const char *bytes, size_t size,
		       size_t width)
{
	FILE *out = render->out;
	bool markdown = render->format == FORMAT_MARKDOWN;
	bool last = column + 1 == render->n_columns;
	bool right = render->kinds[column] == 'n';
	size_t blanks = render->widths[column] > width ? render->widths[column] - width : 0;

	if (markdown)
		fputs(column ? " | " : "| ", out);
	if (right)
		pad(out, blanks);
	fwrite(bytes, 1, size, out);
	if (!right && (!last || markdown))
		pad(out, blanks);
	fputs(!last ? (markdown ? "" : "  ") : (markdown ? " |\n" : "\n"), out);
}

/* The head of a table that is as wide as the screen at most. */
static void print_screen_head(struct render *render)
{
	struct render_cell *cells = calloc(render->n_columns, sizeof *cells);
	struct text names = {0};

	for (size_t i = 0; cells && i < render->n_columns; i++) {
		const char *name = render->columns[i].name;
		cells[i].start = names.size;
		cells[i].width = text_add_safe(&names, name, strlen(name));
		cells[i].size = names.size - cells[i].start;
	}
	render->failed |= names.failed || !cells;
	if (!render->failed)
		table_print_row(render, text_string(&names), cells, render->fancy);
	text_free(&names);
	free(cells);
}

static void print_head(struct render *render)
{
	bool bold = render->fancy && render->format == FORMAT_TABLE;
	struct text name = {0};

	for (size_t i = 0; i < render->n_columns; i++) {
		const char *plain = render->columns[i].name;
		text_clear(&name);
		text_add_string(&name, bold ? "\033[1m" : "");
		size_t width = text_add_safe(&name, plain, strlen(plain));
		text_add_string(&name, bold ? "\033[0m" : "");
		print_cell(render, i, text_string(&name), name.size, width);
	}
	render->failed |= name.failed;
	text_free(&name);
	if (render->format != FORMAT_MARKDOWN)
		return;
	for (size_t i = 0; i < render->n_columns; i++) {
		bool right = render->kinds[i] == 'n';
		fputs(i ? " | " : "| ", render->out);
		for (size_t n = right ? 1 : 0; n < render->widths[i]; n++)
			putc('-', render->out);
		if (right)
			putc(':', render->out);
	}
	fputs(" |\n", render->out);
}

/* A row of such a table; its text is kept in render->text. */
static void print_screen_row(struct render *render, struct render_cell *cells)
{
	if (render->records)
		table_print_record(render, text_string(&render->text), cells, render->n_printed);
	else
		table_print_row(render, text_string(&render->text), cells, false);
	render->n_printed++;
}

/* Write what was kept; from now on rows are written as they come. */
static void end_sample(struct render *render)
{
	bool empty = render->n_sample == 0;

	render->sampling = false;
	render->records = is_on_screen(render) && !table_fit(render->widths, render->kinds,
							     render->n_columns, render->screen);
	if (!empty && is_on_screen(render) && !render->records && has_headers(render))
		print_screen_head(render);
	else if (!empty && !render->records &&
		 (has_headers(render) || render->format == FORMAT_MARKDOWN))
		print_head(render);
	for (size_t i = 0; i < render->n_sample && is_on_screen(render); i += render->n_columns)
		print_screen_row(render, &render->sample[i]);
	for (size_t i = 0; i < render->n_sample && !is_on_screen(render); i++)
		print_cell(render, i % render->n_columns,
			   text_string(&render->text) + render->sample[i].start,
			   render->sample[i].size, render->sample[i].width);
	render->n_sample = 0;
	text_clear(&render->text);
}

/* A bar would end the cell. */
static void add_markdown(struct text *text, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] && strchr("|\\`*_<", bytes[i]))
			text_add(text, "\\", 1);
		text_add(text, bytes + i, 1);
	}
}

static struct render_cell add_cell(struct render *render, const struct render_value *value)
{
	struct text *text = &render->text, plain = {0};
	struct render_cell cell = {.start = text->size};

	if (render->format == FORMAT_MARKDOWN) {
		size_t width = add_value(render, &plain, value);
		add_markdown(text, text_string(&plain), plain.size);
		cell.size = text->size - cell.start;
		cell.width = width + (cell.size - plain.size);
		render->failed |= plain.failed;
		text_free(&plain);
	} else {
		cell.width = add_value(render, text, value);
		cell.size = text->size - cell.start;
	}
	return cell;
}

static void keep_cell(struct render *render, const struct render_value *value,
		      const struct render_cell *cell)
{
	size_t column = render->column;
	size_t most = render->width_max ? render->width_max : SIZE_MAX;
	size_t width = cell->width < most ? cell->width : most;

	if (render->columns[column].side == COLUMN_BY_VALUES && value->type != VALUE_NULL &&
	    render->kinds[column] != 't')
		render->kinds[column] = value->type == VALUE_NUMBER ? 'n' : 't';
	if (width > render->widths[column])
		render->widths[column] = width;
	render->sample[render->n_sample++] = *cell;
}

static void table_value(struct render *render, const struct render_value *value)
{
	const struct render_cell cell = add_cell(render, value);

	if (render->sampling) {
		keep_cell(render, value, &cell);
	} else if (is_on_screen(render)) { /* a row is printed as a whole */
		render->sample[render->n_sample++] = cell;
	} else {
		print_cell(render, render->column, text_string(&render->text), cell.size,
			   cell.width);
		text_clear(&render->text);
	}
}

static void end_table_row(struct render *render)
{
	if (render->sampling && (render->n_sample == RENDER_SAMPLE * render->n_columns ||
				 render->text.size > SAMPLE_BYTES_MAX)) {
		end_sample(render);
	} else if (!render->sampling && render->n_sample) {
		print_screen_row(render, render->sample);
		render->n_sample = 0;
		text_clear(&render->text);
	}
}

/* ---- list, CSV, line ---- */

static void add_csv(struct render *render, const char *bytes, size_t size, bool quote)
{
	struct text safe = {0};

	if (render->terminal) {
		text_add_safe(&safe, bytes, size);
		bytes = text_string(&safe);
		size = safe.size;
	}
	text_add_csv(&render->text, bytes, size, quote);
	render->failed |= safe.failed;
	text_free(&safe);
}

static void csv_value(struct render *render, const struct render_value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		add_csv(render, null_of(render), strlen(null_of(render)), false);
		break;
	case VALUE_BLOB:
		add_hex(&render->text, value->bytes, value->size);
		break;
	case VALUE_TEXT: /* the empty text is not NULL */
		add_csv(render, value->bytes, value->size, value->size == 0);
		break;
	default:
		text_add(&render->text, value->bytes, value->size);
		break;
	}
}

static void head_row(struct render *render)
{
	bool csv = render->format == FORMAT_CSV;

	for (size_t i = 0; i < render->n_columns; i++) {
		const char *name = render->columns[i].name;
		if (i)
			text_add_string(&render->text, csv ? "," : render->separator);
		if (csv)
			add_csv(render, name, strlen(name), false);
		else
			text_add_safe(&render->text, name, strlen(name));
	}
	text_add_string(&render->text, csv ? "\r\n" : "\n");
}

static void line_value(struct render *render, const struct render_value *value)
{
	const char *name = render->columns[render->column].name;
	size_t longest = 0;

	for (size_t i = 0; i < render->n_columns; i++) {
		size_t length = strlen(render->columns[i].name);
		longest = length > longest ? length : longest;
	}
	if (render->rows && render->column == 0)
		text_add(&render->text, "\n", 1);
	for (size_t n = strlen(name); n < longest; n++)
		text_add(&render->text, " ", 1);
	text_add_safe(&render->text, name, strlen(name));
	text_add_string(&render->text, " = ");
	add_value(render, &render->text, value);
	text_add(&render->text, "\n", 1);
}

/* ---- JSON ---- */

static void json_value(struct render *render, const struct render_value *value)
{
	const char *name = render->columns[render->column].name;
	struct text *text = &render->text;

	if (render->column)
		text_add(text, ",", 1);
	else if (render->format == FORMAT_JSONL)
		text_add_string(text, "{");
	else if (render->rows)
		text_add_string(text, ",\n{");
	else
		text_add_string(text, render->json_first_below ? "\n{" : "{");
	text_add_json_string(text, name, strlen(name));
	text_add(text, ":", 1);
	switch (value->type) {
	case VALUE_NULL:
		text_add_string(text, "null");
		break;
	case VALUE_NUMBER:
		text_add_string(text, value->json ? value->json : value->bytes);
		break;
	case VALUE_BLOB:
		text_add(text, "\"", 1);
		add_hex(text, value->bytes, value->size);
		text_add(text, "\"", 1);
		break;
	default:
		text_add_json_string(text, value->bytes, value->size);
		break;
	}
}

/* ---- rows ---- */

static void flush(struct render *render)
{
	if (render->sampling)
		return;
	fwrite(text_string(&render->text), 1, render->text.size, render->out);
	render->failed |= render->text.failed;
	text_clear(&render->text);
}

static void begin_table(struct render *render)
{
	size_t n = render->n_columns;

	free(render->widths);
	free(render->kinds);
	free(render->sample);
	render->widths = calloc(n, sizeof *render->widths);
	render->kinds = calloc(n, 1);
	render->sample = calloc(n * RENDER_SAMPLE, sizeof *render->sample);
	render->n_sample = 0;
	render->sampling = true;
	if (!render->widths || !render->kinds || !render->sample) {
		render->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *name = render->columns[i].name;
		struct text safe = {0};
		if (render->columns[i].side != COLUMN_BY_VALUES)
			render->kinds[i] = render->columns[i].side == COLUMN_RIGHT ? 'n' : 't';
		if (has_headers(render) || render->format == FORMAT_MARKDOWN)
			render->widths[i] = text_add_safe(&safe, name, strlen(name));
		render->failed |= safe.failed;
		text_free(&safe);
	}
}

void render_begin(struct render *render, const struct render_column *columns, size_t n)
{
	render->columns = columns;
	render->n_columns = n;
	render->column = 0;
	render->rows = render->n_printed = 0;
	render->records = false;
	render->screen = render->out == stdout ? terminal_width() : 0;
	if (render->out == stdout)
		screen_wrap(render->format == FORMAT_TABLE || render->format == FORMAT_LINE);
	render->sampling = render->failed = render->text.failed = false;
	text_clear(&render->text);
	if (render->results++ && (is_table(render) || render->format == FORMAT_LINE))
		putc('\n', render->out);
	if (render->format == FORMAT_JSON)
		text_add(&render->text, "[", 1);
	else if (is_table(render))
		begin_table(render);
	else if (render->format != FORMAT_LINE && render->format != FORMAT_JSONL &&
		 has_headers(render))
		head_row(render);
	flush(render);
}

static void end_row(struct render *render)
{
	struct text *text = &render->text;

	switch (render->format) {
	case FORMAT_LIST:
		text_add(text, "\n", 1);
		break;
	case FORMAT_CSV:
		text_add_string(text, "\r\n");
		break;
	case FORMAT_JSON:
		text_add(text, "}", 1);
		break;
	case FORMAT_JSONL:
		text_add_string(text, "}\n");
		break;
	case FORMAT_LINE:
		break;
	default:
		end_table_row(render);
		break;
	}
	render->column = 0;
	render->rows++;
	flush(render);
}

void render_value(struct render *render, const struct render_value *value)
{
	struct text *text = &render->text;

	if (render->failed)
		return;
	switch (render->format) {
	case FORMAT_LIST:
		text_add_string(text, render->column ? render->separator : "");
		add_value(render, text, value);
		break;
	case FORMAT_CSV:
		text_add_string(text, render->column ? "," : "");
		csv_value(render, value);
		break;
	case FORMAT_JSON:
	case FORMAT_JSONL:
		json_value(render, value);
		break;
	case FORMAT_LINE:
		line_value(render, value);
		break;
	default:
		table_value(render, value);
		break;
	}
	if (++render->column == render->n_columns)
		end_row(render);
}

int render_end(struct render *render)
{
	if (render->failed)
		render->sampling = false;
	if (render->sampling)
		end_sample(render);
	if (render->format == FORMAT_JSON)
		text_add_string(&render->text, render->rows ? "\n]\n" : "]\n");
	flush(render);
	render->columns = NULL;
	if (fflush(render->out) != 0 || render_is_stuck(render))
		return -1;
	return 0;
}

void render_free(struct render *render)
{
	free(render->widths);
	free(render->kinds);
	free(render->sample);
	text_free(&render->text);
}
