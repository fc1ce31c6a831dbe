/* wrap.c - lines that fit a width, counted in columns of a terminal. */
#include "common/wrap.h"

#include <stdbool.h>
#include <string.h>
#include <wchar.h>

enum { TEXT_MIN = 8 /* columns that indentation leaves */, TAB = 8 };

/* ---- columns ---- */

/* Bytes of the escape sequence that sets a colour, 0 if there is none. */
static size_t escape_length(const char *bytes, size_t size)
{
	size_t n = 2;

	if (size < 3 || bytes[0] != '\033' || bytes[1] != '[')
		return 0;
	while (n < size && (bytes[n] == ';' || (bytes[n] >= '0' && bytes[n] <= '9')))
		n++;
	return n < size && bytes[n] == 'm' ? n + 1 : 0;
}

/* The next character or escape sequence: its bytes, and the columns it takes behind `column`. */
static size_t next_unit(const char *bytes, size_t size, size_t column, size_t *columns)
{
	unsigned character = 0;
	size_t length = escape_length(bytes, size);

	*columns = 0;
	if (length)
		return length;
	*columns = *bytes == '\t' ? TAB - column % TAB : 1;
	if (*bytes == '\t' || (*bytes >= 0x20 && *bytes < 0x7f))
		return 1;
	length = text_decode(bytes, size, &character);
	if (!length)
		return 1;
	int width = wcwidth((wchar_t)character);
	*columns = width < 0 ? 1 : (size_t)width;
	return length;
}

size_t wrap_columns(const char *bytes, size_t size)
{
	size_t column = 0, columns;

	for (size_t at = 0; at < size; column += columns)
		at += next_unit(bytes + at, size - at, column, &columns);
	return column;
}

size_t wrap_cut(const char *bytes, size_t size, size_t width)
{
	size_t at = 0, column = 0;

	while (at < size) {
		size_t columns, length = next_unit(bytes + at, size - at, column, &columns);
		if (column + columns > width)
			break;
		column += columns;
		at += length;
	}
	return at;
}

/* ---- pieces ---- */

static bool may_break_behind(const char *bytes, size_t at, size_t size)
{
	return strchr("/,:;-_.|)=&>", bytes[at]) && at + 1 < size && bytes[at + 1] != bytes[at];
}

size_t wrap_piece(const char *bytes, size_t size, size_t width)
{
	size_t at = 0, column = 0, blank = 0, slash = 0, mark = 0;
	bool begun = false; /* something but blanks */

	while (at < size) {
		size_t columns, length = next_unit(bytes + at, size - at, column, &columns);
		if (bytes[at] == ' ' && begun)
			blank = at;
		if (column + columns > width && column > 0)
			break;
		begun |= bytes[at] != ' ' && columns > 0;
		column += columns;
		if (length == 1 && bytes[at] && may_break_behind(bytes, at, size) &&
		    column > width / 3)
			*(bytes[at] == '/' ? &slash : &mark) = at + 1;
		at += length;
	}
	if (at >= size)
		return size;
	return blank ? blank : slash ? slash : mark ? mark : at;
}

/* ---- lines ---- */

/* Bytes of indentation, of which some may be branches of a tree. */
static size_t lead_of(const char *bytes, size_t size, bool *branches)
{
	size_t n = 0;

	*branches = false;
	while (n < size && strchr(" |`", bytes[n]) && bytes[n]) {
		*branches |= bytes[n] != ' ';
		n++;
	}
	if (*branches && n < size && bytes[n] == '-') {
		while (n < size && bytes[n] == '-')
			n++;
		if (n < size && bytes[n] == ' ')
			n++;
	}
	return n;
}

/* Columns up to the second of two columns, in the left half of the width; 0: there are none. */
static size_t hanging(const char *bytes, size_t size, size_t lead, size_t width)
{
	size_t column = lead, columns, found = 0;

	for (size_t at = lead; at < size && column <= width / 2;) {
		size_t length = next_unit(bytes + at, size - at, column, &columns);
		bool after_gap = at >= lead + 2 && bytes[at - 1] == ' ' && bytes[at - 2] == ' ';
		if (after_gap && bytes[at] != ' ')
			found = column;
		column += columns;
		at += length;
	}
	return found;
}

/* The indentation of what follows: trunks stay, branches end. */
static void add_trunks(struct text *text, const char *lead, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text_add(text, lead[i] == '|' ? "|" : " ", 1);
}

void wrap_add_line(struct text *text, const char *bytes, size_t size, size_t width)
{
	size_t most = width > TEXT_MIN ? width - TEXT_MIN : 0;
	bool branches, first = true;

	if (wrap_columns(bytes, size) <= width) {
		text_add(text, bytes, size);
		return;
	}
	size_t lead = lead_of(bytes, size, &branches), second = hanging(bytes, size, lead, width);
	size_t at = lead, cut = lead > most ? lead - most : 0;
	size_t indent = branches ? lead - cut : second ? second : lead - cut + 2;
	if (indent > most)
		indent = most;
	text_add(text, bytes + cut, lead - cut);
	while (at < size) {
		size_t room = width - (first ? lead - cut : indent);
		size_t length = wrap_piece(bytes + at, size - at, room), end = at + length;
		if (!first) {
			text_add(text, "\n", 1);
			if (branches)
				add_trunks(text, bytes + lead - indent, indent);
			else
				text_add_blanks(text, indent);
		}
		while (end > at && bytes[end - 1] == ' ')
			end--;
		text_add(text, bytes + at, end - at);
		at += length;
		while (at < size && bytes[at] == ' ')
			at++;
		first = false;
	}
}
