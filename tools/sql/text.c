/* text.c - growing text and safe text; see text.h. */
#include "sql/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

void text_clear(struct text *text)
{
	text->size = 0;
	if (text->bytes)
		text->bytes[0] = 0;
}

void text_add(struct text *text, const char *bytes, size_t size)
{
	if (text->failed)
		return;
	if (text->size + size + 1 > text->room) {
		size_t room = 2 * (text->size + size + 32);
		char *grown = realloc(text->bytes, room);
		if (!grown) {
			text->failed = true;
			return;
		}
		text->bytes = grown;
		text->room = room;
	}
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = 0;
}

void text_add_string(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
	char buffer[256];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(buffer, sizeof buffer, format, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof buffer) {
		text_add(text, buffer, (size_t)length);
		return;
	}
	char *longer;
	va_start(args, format);
	length = vasprintf(&longer, format, args);
	va_end(args);
	if (length < 0) {
		text->failed = true;
		return;
	}
	text_add(text, longer, (size_t)length);
	free(longer);
}

const char *text_string(const struct text *text)
{
	return text->bytes ? text->bytes : "";
}

/* RFC 3629: the shortest form only, no surrogates, nothing beyond U+10FFFF. */
size_t text_decode(const char *bytes, size_t size, unsigned *character)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = (const unsigned char *)bytes;
	size_t length = at[0] < 0x80   ? 1
			: at[0] < 0xc0 ? 0
			: at[0] < 0xe0 ? 2
			: at[0] < 0xf0 ? 3
				       : 4;

	if (length == 0 || length > size || at[0] > 0xf4)
		return 0;
	unsigned value = length == 1 ? at[0] : at[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (at[i] & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*character = value;
	return length;
}

/* Invisible, or it changes what stands around it. */
static bool is_deceptive(unsigned character)
{
	return (character >= 0x200b && character <= 0x200f) ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2060 && character <= 0x206f) || character == 0xfeff ||
	       (character >= 0xe0000 && character <= 0xe0fff);
}

/* The escape for a character; "" where it may be shown as it is. */
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

static size_t add_safe(struct text *text, const char *bytes, size_t size, bool lines)
{
	size_t width = 0;

	for (size_t at = 0; at < size;) {
		unsigned character = 0;
		char escape[16];
		size_t length = text_decode(bytes + at, size - at, &character);
		if (length == 0) {
			snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)bytes[at]);
			length = 1;
		} else if (character >= 0x20 && character < 0x7f) {
			escape[0] = 0;
		} else {
			escape_of(character, escape);
		}
		if (escape[0] && !(lines && (character == '\n' || character == '\t'))) {
			text_add_string(text, escape);
			width += strlen(escape);
		} else {
			text_add(text, bytes + at, length);
			width += length == 1 ? 1 : (size_t)wcwidth((wchar_t)character);
		}
		at += length;
	}
	return width;
}

size_t text_add_safe(struct text *text, const char *bytes, size_t size)
{
	return add_safe(text, bytes, size, false);
}

void text_add_safe_lines(struct text *text, const char *bytes, size_t size)
{
	add_safe(text, bytes, size, true);
}
