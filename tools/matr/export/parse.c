/* parse.c - a row of an export from a line of JSON: one object of strings, integers and nulls. Its
 * first key is "table".
 */
#include "matr/export/parse.h"

#include <string.h>

struct cursor {
	const char *at, *end;
};

static bool skip(struct cursor *in, char wanted)
{
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\r'))
		in->at++;
	if (in->at == in->end || *in->at != wanted)
		return false;
	in->at++;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool hex4(struct cursor *in, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		int digit = in->at < in->end ? hex_digit(*in->at++) : -1;
		if (digit < 0)
			return false;
		*out = *out << 4 | (unsigned)digit;
	}
	return true;
}

static void add_character(struct text *text, unsigned c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xc0 | c >> 6);
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xe0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	}
	text_add(text, bytes, n);
}

static bool escape_u(struct cursor *in, struct text *out)
{
	unsigned c, low;

	if (!hex4(in, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
		return false;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (in->end - in->at < 6 || in->at[0] != '\\' || in->at[1] != 'u')
			return false;
		in->at += 2;
		if (!hex4(in, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	add_character(out, c);
	return true;
}

static bool escape(struct cursor *in, struct text *out)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";

	if (in->at == in->end)
		return false;
	char c = *in->at++;
	if (c == 'u')
		return escape_u(in, out);
	const char *letter = c ? strchr(letters, c) : NULL;
	if (!letter)
		return false;
	text_add(out, &meant[letter - letters], 1);
	return true;
}

/* A string behind its first quotation mark; *raw: it may hold bytes that are not UTF-8. */
static bool string(struct cursor *in, struct text *out, bool *raw)
{
	text_clear(out);
	*raw = false;
	while (in->at < in->end) {
		const char *from = in->at;
		while (in->at < in->end && (unsigned char)*in->at >= 0x20 &&
		       (unsigned char)*in->at < 0x80 && *in->at != '"' && *in->at != '\\')
			in->at++;
		text_add(out, from, (size_t)(in->at - from));
		if (in->at == in->end || (unsigned char)*in->at < 0x20)
			return false;
		if ((unsigned char)*in->at >= 0x80) {
			unsigned character;
			size_t length = text_decode(in->at, (size_t)(in->end - in->at), &character);
			if (length == 0)
				return false;
			text_add(out, in->at, length);
			in->at += length;
			*raw = true;
			continue;
		}
		if (*in->at++ == '"')
			return true;
		if (!escape(in, out))
			return false;
		*raw = true;
	}
	return false;
}

static bool number(struct cursor *in, int64_t *out)
{
	bool negative = in->at < in->end && *in->at == '-';
	uint64_t value = 0;
	int digits = 0;

	in->at += negative;
	for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
		if (value > (UINT64_MAX >> 1) / 10 - 1 || ++digits > 19)
			return false;
		value = value * 10 + (uint64_t)(*in->at - '0');
	}
	*out = negative ? -(int64_t)value : (int64_t)value;
	return digits > 0;
}

static bool literal(struct cursor *in, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0)
		return false;
	in->at += length;
	return true;
}

static const char *take_value(struct export_parser *parser, struct cursor *in, int column)
{
	const struct export_column *schema = &export_schemas[parser->table].columns[column];
	struct export_value *value = &parser->values[column];
	bool raw;

	*value = (struct export_value){.is_null = true};
	if (schema->may_be_null && literal(in, "null"))
		return NULL;
	value->is_null = false;
	if (!schema->is_text)
		return number(in, &value->number) ? NULL : "has no number where one should be";
	if (!skip(in, '"') || !string(in, &parser->texts[column], &raw))
		return "has no string where one should be";
	if (raw)
		export_from_portable(&parser->texts[column]);
	value->text = text_string(&parser->texts[column]);
	value->size = parser->texts[column].size;
	return NULL;
}

static const char *take_table(struct export_parser *parser, struct cursor *in)
{
	bool raw;

	if (!skip(in, '{') || !skip(in, '"') || !string(in, &parser->key, &raw) ||
	    strcmp(text_string(&parser->key), "table") != 0 || !skip(in, ':') || !skip(in, '"') ||
	    !string(in, &parser->key, &raw))
		return "is no row of an export";
	parser->table = export_table_named(text_string(&parser->key), parser->key.size);
	return parser->table == EXPORT_TABLES ? "is of no table that this MatR knows" : NULL;
}

/* The column of a key: nearly always the one that is next. */
static int column_of(const struct export_parser *parser, int next)
{
	const struct export_schema *schema = &export_schemas[parser->table];
	const char *name = text_string(&parser->key);

	if (next < schema->n_columns && strcmp(schema->columns[next].name, name) == 0)
		return next;
	for (int i = 0; i < schema->n_columns; i++)
		if (strcmp(schema->columns[i].name, name) == 0)
			return i;
	return -1;
}

static const char *take_columns(struct export_parser *parser, struct cursor *in)
{
	const int n = export_schemas[parser->table].n_columns;
	unsigned seen = 0;
	int column = -1;
	bool raw;

	while (skip(in, ',')) {
		if (!skip(in, '"') || !string(in, &parser->key, &raw) || !skip(in, ':'))
			return "is no JSON object";
		column = column_of(parser, column + 1);
		if (column < 0)
			return "has a column that its table does not have";
		if (seen & 1U << column)
			return "has a column twice";
		seen |= 1U << column;
		while (in->at < in->end && *in->at == ' ')
			in->at++;
		const char *why = take_value(parser, in, column);
		if (why)
			return why;
	}
	if (!skip(in, '}'))
		return "is no JSON object";
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\r'))
		in->at++;
	if (in->at != in->end)
		return "has something behind its object";
	return seen == (1U << n) - 1 ? NULL : "lacks a column";
}

int export_parse(struct export_parser *parser, const char *line, size_t size)
{
	struct cursor in = {line, line + size};

	parser->why = take_table(parser, &in);
	if (!parser->why)
		parser->why = take_columns(parser, &in);
	if (parser->why)
		return -1;
	bool failed = parser->key.failed;
	for (int i = 0; i < EXPORT_COLUMNS_MAX; i++)
		failed |= parser->texts[i].failed;
	return failed ? -1 : 0;
}

void export_parser_free(struct export_parser *parser)
{
	for (int i = 0; i < EXPORT_COLUMNS_MAX; i++)
		text_free(&parser->texts[i]);
	text_free(&parser->key);
}
