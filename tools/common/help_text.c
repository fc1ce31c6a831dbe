/* help_text.c - two columns of a help text. */
#include "common/help_text.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 80, WIDTH_MIN = 20, RIGHT_MIN = 24, NARROW_INDENT = 6 };

size_t help_width(void)
{
	struct winsize size = {.ws_col = 0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_col > WIDTH)
		return WIDTH;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

static void add_blanks(struct text *text, size_t n)
{
	while (n--)
		text_add(text, " ", 1);
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
			add_blanks(text, indent);
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

	add_blanks(text, 2);
	text_add_string(text, left);
	if (narrow)
		indent = NARROW_INDENT;
	if (narrow || at + 2 > indent) {
		text_add(text, "\n", 1);
		at = 0;
	}
	add_blanks(text, indent - at);
	add_wrapped(text, right, indent, width);
}
