/* help_text.c - two columns of a help text. */
#include "common/help_text.h"

#include "common/terminal.h"

#include <stdbool.h>
#include <string.h>

enum { WIDTH = 80, WIDTH_MIN = 20, RIGHT_MIN = 24, NARROW_INDENT = 6 };

size_t help_width(void)
{
	size_t width = terminal_width();

	if (width == 0 || width > WIDTH)
		return WIDTH;
	return width < WIDTH_MIN ? WIDTH_MIN : width;
}

/* Add words between the columns `indent` and `width`; the line has reached `indent`. */
static void add_wrapped(struct text *text, const char *words, size_t indent, size_t width)
{
	size_t at = indent;

	while (*words) {
		size_t length = strcspn(words, " ");
		bool first = at == indent;
		if (!first && at + 1 + length > width) {
			text_add(text, "\n", 1);
			text_add_blanks(text, indent);
			at = indent;
		} else if (!first) {
			text_add(text, " ", 1);
			at++;
		}
		text_add(text, words, length);
		at += length;
		words += length;
		words += strspn(words, " ");
	}
	text_add(text, "\n", 1);
}

void help_add_row(struct text *text, const char *left, const char *right, size_t left_width,
		  size_t width)
{
	size_t indent = left_width + 4, at = 2 + strlen(left);
	bool narrow = width < indent + RIGHT_MIN;

	text_add_blanks(text, 2);
	text_add_string(text, left);
	if (narrow)
		indent = NARROW_INDENT;
	if (narrow || at + 2 > indent) {
		text_add(text, "\n", 1);
		at = 0;
	}
	text_add_blanks(text, indent - at);
	add_wrapped(text, right, indent, width);
}
