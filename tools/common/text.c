/* text.c - text that is put together piece by piece, and UTF-8. */
#include "common/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void text_add_blanks(struct text *text, size_t n)
{
	while (n--)
		text_add(text, " ", 1);
}

void text_add_csv(struct text *text, const char *bytes, size_t size, bool quote)
{
	for (size_t i = 0; i < size && !quote; i++)
		quote = strchr(",\"\r\n", bytes[i]) != NULL;
	if (!quote) {
		text_add(text, bytes, size);
		return;
	}
	text_add(text, "\"", 1);
	for (size_t i = 0; i < size; i++)
		text_add(text, bytes[i] == '"' ? "\"\"" : bytes + i, bytes[i] == '"' ? 2 : 1);
	text_add(text, "\"", 1);
}

void text_add_rest(struct text *text, int fd)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof bytes)) != 0) {
		if (n > 0)
			text_add(text, bytes, (size_t)n);
		else if (errno != EINTR)
			break;
	}
}

void text_drop(struct text *text, size_t size)
{
	if (!size)
		return;
	text->size -= size;
	memmove(text->bytes, text->bytes + size, text->size + 1);
}

void text_add_string(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_vprintf(struct text *text, const char *format, va_list args)
{
	char buffer[256], *longer;
	va_list again;

	va_copy(again, args);
	int length = vsnprintf(buffer, sizeof buffer, format, args);
	if (length >= 0 && (size_t)length < sizeof buffer) {
		text_add(text, buffer, (size_t)length);
	} else if (length < 0 || vasprintf(&longer, format, again) < 0) {
		text->failed = true;
	} else {
		text_add(text, longer, (size_t)length);
		free(longer);
	}
	va_end(again);
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vprintf(text, format, args);
	va_end(args);
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
