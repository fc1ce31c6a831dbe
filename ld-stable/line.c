/* line.c - a line of text, put together without libc. */
#include "ld_stable.h"

void line_text(struct line *line, const char *text)
{
	while (*text && line->length < sizeof line->text - 1)
		line->text[line->length++] = *text++;
}

static void line_digits(struct line *line, uint64_t number, unsigned base)
{
	char digits[21];
	size_t at = sizeof digits - 1;

	digits[at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	line_text(line, digits + at);
}

void line_number(struct line *line, uint64_t number)
{
	line_digits(line, number, 10);
}

void line_hex(struct line *line, uint64_t number)
{
	line_digits(line, number, 16);
}

void line_write(struct line *line, int fd)
{
	line->text[line->length++] = '\n';
	/* A failure cannot be reported. */
	system_call(CALL_WRITE, fd, (long)line->text, (long)line->length, 0, 0, 0);
	line->length = 0;
}
