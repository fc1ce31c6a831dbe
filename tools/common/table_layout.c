/* table_layout.c - rows of a table on a terminal: no wider than that is. */
#include "common/table_layout.h"

#include "common/safe.h"
#include "common/wrap.h"

#include <string.h>

enum { GAP = 2, TEXT_MIN = 10, INDENT = 2, INDENTED_MIN = 14 };

/* ---- widths ---- */

static size_t least(size_t width, char kind)
{
	return kind == 'n' || width < TEXT_MIN ? width : TEXT_MIN;
}

static size_t limited(size_t width, char kind, size_t limit)
{
	size_t narrow = least(width, kind);

	return width < limit || kind == 'n' ? width : narrow > limit ? narrow : limit;
}

static size_t total(const size_t *widths, const char *kinds, size_t n, size_t limit)
{
	size_t sum = GAP * (n - 1);

	for (size_t i = 0; i < n; i++)
		sum += limited(widths[i], kinds[i], limit);
	return sum;
}

bool table_fit(size_t *widths, const char *kinds, size_t n, size_t screen)
{
	size_t limit = screen;

	if (total(widths, kinds, n, SIZE_MAX) <= screen)
		return true;
	if (n == 0 || total(widths, kinds, n, 0) > screen)
		return false;
	while (total(widths, kinds, n, limit) > screen)
		limit--;
	/* Give the remaining columns to the first ones that were cut. */
	size_t rest = screen - total(widths, kinds, n, limit);
	for (size_t i = 0; i < n; i++) {
		bool cut = limited(widths[i], kinds[i], limit) < widths[i];
		widths[i] = limited(widths[i], kinds[i], limit);
		if (cut && rest) {
			widths[i]++;
			rest--;
		}
	}
	return true;
}

/* ---- rows ---- */

/* Print what fits of each cell. Returns whether something is left. */
static bool print_line(const struct render *render, const char *text, struct render_cell *cells,
		       bool bold, bool first)
{
	size_t pending = 0, column = 0;
	bool more = false;

	for (size_t i = 0; i < render->n_columns; i++) {
		struct render_cell *cell = &cells[i];
		bool last = i + 1 == render->n_columns;
		size_t width = render->widths[i];
		if (last && render->screen > column && render->screen - column > width)
			width = render->screen - column;
		size_t indent = !first && width >= INDENTED_MIN ? INDENT : 0;
		size_t size =
			cell->size ? wrap_piece(text + cell->start, cell->size, width - indent) : 0;
		size_t used = wrap_columns(text + cell->start, size);
		size_t before = render->kinds[i] == 'n' && render->widths[i] > used
					? render->widths[i] - used
					: indent;
		if (size) {
			fprintf(render->out, "%*s", (int)(pending + before), "");
			fputs(bold ? "\033[1m" : "", render->out);
			fwrite(text + cell->start, 1, size, render->out);
			fputs(bold ? "\033[0m" : "", render->out);
			pending = before + used < width ? width - before - used : 0;
		} else {
			pending += width;
		}
		pending += GAP;
		column += width + GAP;
		cell->start += size;
		cell->size -= size;
		while (cell->size && text[cell->start] == ' ') {
			cell->start++;
			cell->size--;
		}
		more |= cell->size > 0;
	}
	putc('\n', render->out);
	return more;
}

void table_print_row(const struct render *render, const char *text, struct render_cell *cells,
		     bool bold)
{
	bool first = true;

	while (print_line(render, text, cells, bold, first))
		first = false;
}

void table_print_record(struct render *render, const char *text, const struct render_cell *cells,
			size_t row)
{
	struct text line = {0}, lines = {0};

	if (row)
		text_add(&lines, "\n", 1);
	for (size_t i = 0; i < render->n_columns; i++) {
		const char *name = render->columns[i].name;
		text_clear(&line);
		text_add_string(&line, render->fancy ? "\033[1m" : "");
		text_add_safe(&line, name, strlen(name));
		text_add_string(&line, render->fancy ? "\033[0m:" : ":");
		if (cells[i].size) {
			text_add(&line, " ", 1);
			text_add(&line, text + cells[i].start, cells[i].size);
		}
		wrap_add_line(&lines, text_string(&line), line.size, render->screen);
		text_add(&lines, "\n", 1);
	}
	fwrite(text_string(&lines), 1, lines.size, render->out);
	render->failed |= line.failed || lines.failed;
	text_free(&line);
	text_free(&lines);
}
