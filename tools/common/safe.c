/* safe.c - text of unknown origin in a form that is safe to show. */
#include "common/safe.h"

#include "common/status_line.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <wchar.h>

void safe_use_utf8(void)
{
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* ---- for people ---- */

/* Invisible, or changes what stands around it. */
static bool is_deceptive(unsigned character)
{
	return (character >= 0x200b && character <= 0x200f) ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2060 && character <= 0x206f) || character == 0xfeff ||
	       (character >= 0xe0000 && character <= 0xe0fff);
}

/* The escape for a character; "" if it can be shown. */
static void escape_of(unsigned character, char escape[16])
{
	escape[0] = 0;
	if (character == '\n' || character == '\t' || character == '\r')
		snprintf(escape, 16, "\\%c",
			 character == '\n'   ? 'n'
			 : character == '\t' ? 't'
					     : 'r');
	else if (character < 0x20 || character == 0x7f)
		snprintf(escape, 16, "\\x%02x", character);
	else if (is_deceptive(character) || wcwidth((wchar_t)character) < 0)
		snprintf(escape, 16, "\\u%04x", character);
}

/* Count the bytes from the beginning that are printable ASCII, or one of `others`. */
static size_t plain_run(const char *bytes, size_t size, const char *others)
{
	size_t n = 0;

	while (n < size &&
	       ((bytes[n] >= 0x20 && bytes[n] < 0x7f) || (bytes[n] && strchr(others, bytes[n]))))
		n++;
	return n;
}

static size_t add_safe(struct text *text, const char *bytes, size_t size, const char *kept)
{
	size_t width = 0;

	for (size_t at = 0; at < size;) {
		size_t plain = plain_run(bytes + at, size - at, kept);
		unsigned character = 0;
		char escape[16];
		text_add(text, bytes + at, plain);
		width += plain;
		at += plain;
		if (at == size)
			break;
		size_t length = text_decode(bytes + at, size - at, &character);
		if (length)
			escape_of(character, escape);
		else
			snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)bytes[at]);
		if (escape[0]) {
			text_add_string(text, escape);
			width += strlen(escape);
		} else {
			text_add(text, bytes + at, length);
			width += (size_t)wcwidth((wchar_t)character);
		}
		at += length ? length : 1;
	}
	return width;
}

size_t text_add_safe(struct text *text, const char *bytes, size_t size)
{
	return add_safe(text, bytes, size, "");
}

void text_add_safe_lines(struct text *text, const char *bytes, size_t size)
{
	add_safe(text, bytes, size, "\n\t");
}

/* ---- JSON ---- */

/* A terminal acts on it, and JSON allows it as it is. */
static bool is_escaped_in_json(unsigned character)
{
	return (character >= 0x7f && character < 0xa0) ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069);
}

/* Characters of the private use area that stand for the bytes 0x80 to 0xff of what is no UTF-8. */
enum { RAW_BYTES = 0xef00, RAW_BYTES_FIRST = 0xef80, RAW_BYTES_LAST = 0xefff };

/* Add bytes as they are in JSON: any byte string has one form, and every reader takes it. */
static void add_raw_bytes(struct text *text, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text_printf(text, "\\u%04x", (unsigned)RAW_BYTES + (unsigned char)bytes[i]);
}

/* Add the character at bytes, which is not ASCII or is a control character. Returns its length. */
static size_t add_json_character(struct text *text, const char *bytes, size_t size)
{
	static const char controls[] = "\b\f\n\r\t", letters[] = "bfnrt";
	unsigned character = 0;
	size_t length = text_decode(bytes, size, &character);
	const char *control =
		character && character < 0x80 ? strchr(controls, (int)character) : NULL;

	if (length == 0)
		add_raw_bytes(text, bytes, 1);
	else if (character >= RAW_BYTES_FIRST && character <= RAW_BYTES_LAST)
		add_raw_bytes(text, bytes, length); /* or it would read as a raw byte */
	else if (length == 1 && control)
		text_printf(text, "\\%c", letters[control - controls]);
	else if (character < 0x20 || is_escaped_in_json(character))
		text_printf(text, "\\u%04x", character);
	else
		text_add(text, bytes, length);
	return length ? length : 1;
}

void text_add_json_string(struct text *text, const char *bytes, size_t size)
{
	text_add(text, "\"", 1);
	for (size_t at = 0; at < size;) {
		size_t plain = 0;
		while (at + plain < size && bytes[at + plain] >= 0x20 && bytes[at + plain] < 0x7f &&
		       bytes[at + plain] != '"' && bytes[at + plain] != '\\')
			plain++;
		text_add(text, bytes + at, plain);
		at += plain;
		if (at == size)
			break;
		if (bytes[at] == '"' || bytes[at] == '\\') {
			text_add(text, "\\", 1);
			text_add(text, bytes + at++, 1);
		} else {
			at += add_json_character(text, bytes + at, size - at);
		}
	}
	text_add(text, "\"", 1);
}

void text_add_json_document(struct text *text, const char *document)
{
	size_t size = strlen(document);

	/* json-c has escaped control characters; the line ends between its tokens stay. */
	for (size_t at = 0; at < size;) {
		size_t plain = plain_run(document + at, size - at, "\n\t");
		text_add(text, document + at, plain);
		at += plain;
		if (at < size)
			at += add_json_character(text, document + at, size - at);
	}
}

/* ---- formats ---- */

struct conversion { /* %-12.*lx */
	char flags[8];
	int width, precision; /* -1: none */
	char length[3];	      /* "", "l", "ll", "z", ... */
	char kind;
};

struct arguments {
	va_list list; /* in a structure, so that functions can take from it in turn */
};

static int parse_number(const char **format, struct arguments *arguments)
{
	int number = 0;

	if (**format == '*') {
		(*format)++;
		return va_arg(arguments->list, int);
	}
	for (; **format >= '0' && **format <= '9'; (*format)++)
		number = number * 10 + (**format - '0');
	return number;
}

/* Parse what follows the percent sign. */
static struct conversion parse_conversion(const char **format, struct arguments *arguments)
{
	struct conversion out = {.width = 0, .precision = -1};
	size_t n = strspn(*format, "-+ #0");

	memcpy(out.flags, *format, n < sizeof out.flags ? n : sizeof out.flags - 1);
	*format += n;
	out.width = parse_number(format, arguments);
	if (**format == '.') {
		(*format)++;
		out.precision = parse_number(format, arguments);
	}
	n = strspn(*format, "hljzt");
	memcpy(out.length, *format, n < sizeof out.length ? n : sizeof out.length - 1);
	*format += n;
	out.kind = **format;
	*format += out.kind != 0;
	return out;
}

static void add_padded(struct text *text, const char *bytes, size_t size,
		       const struct conversion *conversion)
{
	struct text safe = {0};
	size_t columns = text_add_safe(&safe, bytes, size);
	size_t width =
		conversion->width < 0 ? (size_t)-conversion->width : (size_t)conversion->width;
	bool left = strchr(conversion->flags, '-') || conversion->width < 0;
	size_t blanks = columns < width ? width - columns : 0;

	for (size_t i = 0; i < blanks && !left; i++)
		text_add(text, " ", 1);
	text_add(text, text_string(&safe), safe.size);
	for (size_t i = 0; i < blanks && left; i++)
		text_add(text, " ", 1);
	text->failed |= safe.failed;
	text_free(&safe);
}

static void add_string(struct text *text, const struct conversion *conversion,
		       struct arguments *arguments)
{
	const char *string = va_arg(arguments->list, const char *);
	size_t most = conversion->precision < 0 ? SIZE_MAX : (size_t)conversion->precision;

	if (!string)
		string = "(null)";
	add_padded(text, string, strnlen(string, most), conversion);
}

/* An integer of whatever length, as the longest one. */
static intmax_t take_integer(const struct conversion *conversion, struct arguments *arguments)
{
	bool is_signed = conversion->kind == 'd' || conversion->kind == 'i';

	switch (conversion->length[0]) {
	case 'l': /* and ll: as long */
	case 'j':
	case 'z':
	case 't':
		return va_arg(arguments->list, long);
	default:
		return is_signed ? va_arg(arguments->list, int)
				 : (intmax_t)va_arg(arguments->list, unsigned);
	}
}

static void add_number(struct text *text, const struct conversion *conversion,
		       struct arguments *arguments)
{
	char format[32], precision[16] = "";
	bool real = strchr("fge", conversion->kind) != NULL;

	if (conversion->precision >= 0)
		snprintf(precision, sizeof precision, ".%d", conversion->precision);
	snprintf(format, sizeof format, "%%%s*%s%s%c", conversion->flags, precision,
		 real ? "" : "j", conversion->kind);
	if (real)
		text_printf(text, format, conversion->width, va_arg(arguments->list, double));
	else
		text_printf(text, format, conversion->width, take_integer(conversion, arguments));
}

void text_add_format(struct text *text, const char *format, va_list args)
{
	struct arguments arguments;

	va_copy(arguments.list, args);
	while (*format) {
		size_t plain = strcspn(format, "%");
		text_add(text, format, plain);
		format += plain;
		if (!*format)
			break;
		format++;
		const struct conversion conversion = parse_conversion(&format, &arguments);
		if (conversion.kind == 's')
			add_string(text, &conversion, &arguments);
		else if (conversion.kind == 'c')
			add_padded(text, (char[]){(char)va_arg(arguments.list, int)}, 1,
				   &conversion);
		else if (conversion.kind && strchr("diuxfge", conversion.kind))
			add_number(text, &conversion, &arguments);
		else if (conversion.kind)
			text_add(text, &conversion.kind, 1);
	}
	va_end(arguments.list);
}

static void print(FILE *out, const char *format, va_list args)
{
	struct text text = {0};

	text_add_format(&text, format, args);
	fwrite(text_string(&text), 1, text.size, out);
	if (text.failed)
		fputs("matr: out of memory\n", stderr);
	text_free(&text);
}

void safe_printf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(stdout, format, args);
	va_end(args);
}

void safe_fprintf(FILE *out, const char *format, ...)
{
	va_list args;

	if (out == stderr)
		status_line_erase();
	va_start(args, format);
	print(out, format, args);
	va_end(args);
}
