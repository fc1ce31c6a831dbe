/* terminal.c - what standard output is: a terminal or not, how wide, with colours or without. */
#include "common/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 80, HEIGHT = 24, WIDTH_MIN = 8, SIZE_MAX_TAKEN = 10000 };

/* Facts about the process: they are the same for everything it writes. */
static struct {
	bool known, terminal;
	size_t width, height; /* as last read: a pager's pipe has no size */
	bool color_set;
	enum terminal_color color;
} state = {.width = WIDTH, .height = HEIGHT};

bool terminal_is_output(void)
{
	if (!state.known)
		state.terminal = isatty(STDOUT_FILENO) == 1;
	state.known = true;
	return state.terminal;
}

/* A positive number of the environment; 0: none. */
static size_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long number = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

	return number > 0 && number <= SIZE_MAX_TAKEN && !*end ? number : 0;
}

size_t terminal_error_width(void)
{
	struct winsize size = {.ws_col = 0};

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : WIDTH;
}

static void look(void)
{
	struct winsize size = {.ws_col = 0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return;
	state.width = size.ws_col ? size.ws_col : WIDTH;
	state.height = size.ws_row ? size.ws_row : HEIGHT;
}

size_t terminal_width(void)
{
	size_t width = number_of("COLUMNS");

	if (!terminal_is_output())
		return 0;
	look();
	width = width ? width : state.width;
	return width < WIDTH_MIN ? WIDTH_MIN : width;
}

size_t terminal_height(void)
{
	size_t height = number_of("LINES");

	look();
	return height ? height : state.height;
}

bool terminal_is_dumb(void)
{
	const char *name = getenv("TERM");
	return !name || !*name || strcmp(name, "dumb") == 0;
}

/* ---- colours ---- */

static const char *const colors[] = {"auto", "always", "never"};

bool terminal_parse_color(const char *text, enum terminal_color *color)
{
	for (int i = COLOR_AUTO; i <= COLOR_NEVER; i++) {
		if (strcmp(text, colors[i]) == 0) {
			*color = (enum terminal_color)i;
			return true;
		}
	}
	return false;
}

void terminal_set_color(enum terminal_color color)
{
	state.color = color;
	state.color_set = true;
}

void terminal_export_color(void)
{
	if (state.color_set)
		setenv("MATR_COLOR", colors[state.color], 1);
}

static enum terminal_color color_wanted(void)
{
	const char *text = getenv("MATR_COLOR");
	enum terminal_color color = COLOR_AUTO;

	if (state.color_set)
		return state.color;
	return text && terminal_parse_color(text, &color) ? color : COLOR_AUTO;
}

bool terminal_has_color(FILE *out)
{
	enum terminal_color wanted = color_wanted();
	const char *no_color = getenv("NO_COLOR");

	if (wanted != COLOR_AUTO)
		return wanted == COLOR_ALWAYS;
	if ((no_color && *no_color) || terminal_is_dumb())
		return false;
	return out == stdout ? terminal_is_output() : isatty(fileno(out)) == 1;
}

bool terminal_shows_progress(void)
{
	return isatty(STDERR_FILENO) == 1 && !terminal_is_dumb();
}
