/* render.c - results in six formats; see render.h. */
#include "sql/render.h"

#include <stdlib.h>
#include <string.h>

/* Wider columns are not padded: one long C++ name would make every row long. */
enum { WIDTH_MAX = 100, BLOB_SHOWN = 32, SAMPLE_BYTES_MAX = 4 << 20 };

static const char *const names[] = {"table", "list", "csv", "json", "markdown", "line"};

bool render_format_parse(const char *name, enum render_format *format)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) == 0) {
			*format = (enum render_format)i;
			return true;
		}
	}
	return false;
}

const char *render_format_name(enum render_format format)
{
	return names[format];
}

static bool has_headers(const struct render *render)
{
	if (render->headers == HEADERS_BY_FORMAT)
		return render->format != RENDER_LIST;
	return render->headers == HEADERS_ON;
}

/* ---- values ---- */

static void add_hex(struct text *text, const unsigned char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++)
		text_add(text, (char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2);
}

static const char *null_of(const struct render *render)
{
	bool sparse = render->format == RENDER_LIST || render->format == RENDER_CSV;
	return render->null_set ? render->null_text : sparse ? "" : "NULL";
}

static size_t add_ascii(struct text *text, const char *string)
{
	text_add_string(text, string);
	return strlen(string);
}

/* A value for people. Long blobs are cut; hex() has all of one. */
static size_t add_value(struct render *render, struct text *text, int column)
{
	sqlite3_stmt *statement = render->statement;
	size_t before = text->size;

	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_NULL:
		return add_ascii(text, null_of(render));
	case SQLITE_BLOB: {
		const unsigned char *bytes = sqlite3_column_blob(statement, column);
		size_t size = (size_t)sqlite3_column_bytes(statement, column);
		bool whole = size <= BLOB_SHOWN || render->format == RENDER_LIST;
		text_add_string(text, "x'");
		add_hex(text, bytes, whole ? size : BLOB_SHOWN);
		if (whole)
			text_add_string(text, "'");
		else
			text_printf(text, "'... %zu bytes", size);
		return text->size - before;
	}
	default:
		return text_add_safe(text, (const char *)sqlite3_column_text(statement, column),
				     (size_t)sqlite3_column_bytes(statement, column));
	}
}

static bool is_number(sqlite3_stmt *statement, int column)
{
	int type = sqlite3_column_type(statement, column);
	return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

/* ---- table and Markdown ---- */

static void pad(FILE *out, size_t n)
{
	static const char blanks[] = "                                ";
	for (; n > 32; n -= 32)
		fputs(blanks, out);
	fwrite(blanks, 1, n, out);
}

static void print_cell(struct render *render, int column, const char *bytes, size_t size,
		       size_t width)
{
	FILE *out = render->out;
	bool markdown = render->format == RENDER_MARKDOWN;
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

static void print_head(struct render *render)
{
	struct text name = {0};

	for (int i = 0; i < render->n_columns; i++) {
		const char *plain = sqlite3_column_name(render->statement, i);
		bool bold = render->fancy && render->format == RENDER_TABLE;
		text_clear(&name);
		text_add_string(&name, bold ? "\033[1m" : "");
		size_t width = text_add_safe(&name, plain, strlen(plain));
		text_add_string(&name, bold ? "\033[0m" : "");
		print_cell(render, i, text_string(&name), name.size, width);
	}
	text_free(&name);
	if (render->format != RENDER_MARKDOWN)
		return;
	for (int i = 0; i < render->n_columns; i++) {
		bool right = render->kinds[i] == 'n';
		fputs(i ? " | " : "| ", render->out);
		for (size_t n = right ? 1 : 0; n < render->widths[i]; n++)
			putc('-', render->out);
		if (right)
			putc(':', render->out);
	}
	fputs(" |\n", render->out);
}

/* Write what was kept; from now on rows are written as they come. */
static void end_sample(struct render *render)
{
	bool empty = render->n_sample == 0;

	render->sampling = false;
	if (!empty && (has_headers(render) || render->format == RENDER_MARKDOWN))
		print_head(render);
	for (size_t i = 0; i < render->n_sample; i++)
		print_cell(render, (int)(i % (size_t)render->n_columns),
			   text_string(&render->text) + render->sample[i].start,
			   render->sample[i].size, render->sample[i].width);
	render->n_sample = 0;
	text_clear(&render->text);
}

/* A bar would end the cell. */
static void add_markdown(struct render *render, struct text *text, int column)
{
	struct text plain = {0};

	add_value(render, &plain, column);
	for (size_t i = 0; i < plain.size; i++) {
		if (strchr("|\\`*_<", plain.bytes[i]) && plain.bytes[i])
			text_add(text, "\\", 1);
		text_add(text, plain.bytes + i, 1);
	}
	text->failed |= plain.failed;
	text_free(&plain);
}

static struct render_cell add_cell(struct render *render, int column)
{
	struct text *text = &render->text;
	struct render_cell cell = {.start = text->size};

	cell.width = add_value(render, text, column);
	cell.size = text->size - cell.start;
	if (render->format == RENDER_MARKDOWN &&
	    strpbrk(text_string(text) + cell.start, "|\\`*_<")) {
		size_t plain = cell.size;
		text->size = cell.start;
		add_markdown(render, text, column);
		cell.size = text->size - cell.start;
		cell.width += cell.size - plain;
	}
	return cell;
}

static void table_row(struct render *render)
{
	for (int i = 0; i < render->n_columns; i++) {
		/* SQLite may convert the value when its text is asked for: its type comes first. */
		bool null = sqlite3_column_type(render->statement, i) == SQLITE_NULL;
		char kind = is_number(render->statement, i) ? 'n' : 't';
		struct render_cell cell = add_cell(render, i);
		if (!render->sampling) {
			print_cell(render, i, text_string(&render->text), cell.size, cell.width);
			text_clear(&render->text);
			continue;
		}
		if (!null && render->kinds[i] != 't')
			render->kinds[i] = kind;
		size_t width = cell.width < WIDTH_MAX ? cell.width : WIDTH_MAX;
		if (width > render->widths[i])
			render->widths[i] = width;
		render->sample[render->n_sample++] = cell;
	}
	if (render->sampling && (render->n_sample == RENDER_SAMPLE * (size_t)render->n_columns ||
				 render->text.size > SAMPLE_BYTES_MAX))
		end_sample(render);
}

/* ---- list, CSV, line ---- */

static void list_row(struct render *render)
{
	for (int i = 0; i < render->n_columns; i++) {
		if (i)
			text_add_string(&render->text, render->separator);
		add_value(render, &render->text, i);
	}
	text_add(&render->text, "\n", 1);
}

static void add_csv(struct render *render, const char *bytes, size_t size, bool quote)
{
	struct text *text = &render->text;
	struct text safe = {0};

	if (render->terminal) {
		text_add_safe(&safe, bytes, size);
		bytes = text_string(&safe);
		size = safe.size;
	}
	for (size_t i = 0; i < size && !quote; i++)
		quote = strchr(",\"\r\n", bytes[i]) != NULL;
	if (!quote) {
		text_add(text, bytes, size);
	} else {
		text_add(text, "\"", 1);
		for (size_t i = 0; i < size; i++)
			text_add(text, bytes[i] == '"' ? "\"\"" : bytes + i,
				 bytes[i] == '"' ? 2 : 1);
		text_add(text, "\"", 1);
	}
	text_free(&safe);
}

static void csv_row(struct render *render)
{
	sqlite3_stmt *statement = render->statement;

	for (int i = 0; i < render->n_columns; i++) {
		if (i)
			text_add(&render->text, ",", 1);
		switch (sqlite3_column_type(statement, i)) {
		case SQLITE_NULL:
			add_csv(render, null_of(render), strlen(null_of(render)), false);
			break;
		case SQLITE_BLOB:
			add_hex(&render->text, sqlite3_column_blob(statement, i),
				(size_t)sqlite3_column_bytes(statement, i));
			break;
		case SQLITE_TEXT: /* the empty text is not NULL */
			add_csv(render, (const char *)sqlite3_column_text(statement, i),
				(size_t)sqlite3_column_bytes(statement, i),
				sqlite3_column_bytes(statement, i) == 0);
			break;
		default:
			text_add_string(&render->text,
					(const char *)sqlite3_column_text(statement, i));
			break;
		}
	}
	text_add_string(&render->text, "\r\n");
}

static void head_row(struct render *render)
{
	bool csv = render->format == RENDER_CSV;

	for (int i = 0; i < render->n_columns; i++) {
		const char *name = sqlite3_column_name(render->statement, i);
		if (i)
			text_add_string(&render->text, csv ? "," : render->separator);
		if (csv)
			add_csv(render, name, strlen(name), false);
		else
			text_add_safe(&render->text, name, strlen(name));
	}
	text_add_string(&render->text, csv ? "\r\n" : "\n");
}

static void line_row(struct render *render)
{
	int longest = 0;

	if (render->rows)
		text_add(&render->text, "\n", 1);
	for (int i = 0; i < render->n_columns; i++) {
		int length = (int)strlen(sqlite3_column_name(render->statement, i));
		longest = length > longest ? length : longest;
	}
	for (int i = 0; i < render->n_columns; i++) {
		const char *name = sqlite3_column_name(render->statement, i);
		for (int n = (int)strlen(name); n < longest; n++)
			text_add(&render->text, " ", 1);
		text_add_safe(&render->text, name, strlen(name));
		text_add_string(&render->text, " = ");
		add_value(render, &render->text, i);
		text_add(&render->text, "\n", 1);
	}
}

/* ---- JSON ---- */

/* RFC 8259, and what a terminal would act on as \u too. Bytes that are no UTF-8 become U+FFFD. */
static void add_json_string(struct text *text, const char *bytes, size_t size)
{
	text_add(text, "\"", 1);
	for (size_t at = 0; at < size;) {
		unsigned character = 0;
		size_t length = text_decode(bytes + at, size - at, &character);
		if (length == 0) {
			text_add_string(text, "\xef\xbf\xbd");
			length = 1;
		} else if (character == '"' || character == '\\') {
			text_add(text, "\\", 1);
			text_add(text, bytes + at, 1);
		} else if (character == '\n') {
			text_add_string(text, "\\n");
		} else if (character < 0x20 || (character >= 0x7f && character < 0xa0) ||
			   (character >= 0x2028 && character <= 0x202e) ||
			   (character >= 0x2066 && character <= 0x2069)) {
			text_printf(text, "\\u%04x", character);
		} else {
			text_add(text, bytes + at, length);
		}
		at += length;
	}
	text_add(text, "\"", 1);
}

static void json_row(struct render *render)
{
	sqlite3_stmt *statement = render->statement;
	struct text *text = &render->text;

	text_add_string(text, render->rows ? ",\n{" : "{");
	for (int i = 0; i < render->n_columns; i++) {
		const char *name = sqlite3_column_name(statement, i);
		if (i)
			text_add(text, ",", 1);
		add_json_string(text, name, strlen(name));
		text_add(text, ":", 1);
		const char *value;
		switch (sqlite3_column_type(statement, i)) {
		case SQLITE_NULL:
			text_add_string(text, "null");
			break;
		case SQLITE_INTEGER:
			text_add_string(text, (const char *)sqlite3_column_text(statement, i));
			break;
		case SQLITE_FLOAT: /* JSON has no infinity */
			value = (const char *)sqlite3_column_text(statement, i);
			if (strstr(value, "Inf"))
				value = *value == '-' ? "-1e999" : "1e999";
			text_add_string(text, value);
			break;
		case SQLITE_BLOB:
			text_add(text, "\"", 1);
			add_hex(text, sqlite3_column_blob(statement, i),
				(size_t)sqlite3_column_bytes(statement, i));
			text_add(text, "\"", 1);
			break;
		default:
			value = (const char *)sqlite3_column_text(statement, i);
			add_json_string(text, value, (size_t)sqlite3_column_bytes(statement, i));
			break;
		}
	}
	text_add(text, "}", 1);
}

/* ---- results ---- */

static bool is_table(const struct render *render)
{
	return render->format == RENDER_TABLE || render->format == RENDER_MARKDOWN;
}

static int flush(struct render *render)
{
	bool failed = render->text.failed;

	if (!render->sampling) {
		fwrite(text_string(&render->text), 1, render->text.size, render->out);
		text_clear(&render->text);
	}
	return failed || ferror(render->out) ? -1 : 0;
}

int render_begin(struct render *render, sqlite3_stmt *statement)
{
	render->statement = statement;
	render->n_columns = sqlite3_column_count(statement);
	render->rows = 0;
	text_clear(&render->text);
	if (render->results++ && (is_table(render) || render->format == RENDER_LINE))
		putc('\n', render->out);
	if (render->format == RENDER_JSON)
		text_add(&render->text, "[", 1);
	else if (!is_table(render) && render->format != RENDER_LINE && has_headers(render))
		head_row(render);
	if (!is_table(render))
		return flush(render);
	size_t n = (size_t)render->n_columns;
	free(render->widths);
	free(render->kinds);
	free(render->sample);
	render->widths = calloc(n, sizeof *render->widths);
	render->kinds = calloc(n, 1);
	render->sample = calloc(n * RENDER_SAMPLE, sizeof *render->sample);
	if (!render->widths || !render->kinds || !render->sample)
		return -1;
	for (size_t i = 0; i < n && (has_headers(render) || render->format == RENDER_MARKDOWN);
	     i++) {
		const char *name = sqlite3_column_name(statement, (int)i);
		struct text safe = {0};
		render->widths[i] = text_add_safe(&safe, name, strlen(name));
		text_free(&safe);
	}
	render->n_sample = 0;
	render->sampling = true;
	return 0;
}

int render_row(struct render *render)
{
	switch (render->format) {
	case RENDER_TABLE:
	case RENDER_MARKDOWN:
		table_row(render);
		break;
	case RENDER_LIST:
		list_row(render);
		break;
	case RENDER_CSV:
		csv_row(render);
		break;
	case RENDER_JSON:
		json_row(render);
		break;
	case RENDER_LINE:
		line_row(render);
		break;
	}
	render->rows++;
	return flush(render);
}

int render_end(struct render *render)
{
	if (render->sampling)
		end_sample(render);
	if (render->format == RENDER_JSON)
		text_add_string(&render->text, render->rows ? "\n]\n" : "]\n");
	int result = flush(render);
	render->statement = NULL;
	if (fflush(render->out) != 0)
		return -1;
	return result;
}

void render_free(struct render *render)
{
	free(render->widths);
	free(render->kinds);
	free(render->sample);
	text_free(&render->text);
}
