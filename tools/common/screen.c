/* screen.c - standard output where that is a terminal: lines are wrapped at words, and more than a
 * screenful goes to a pager. */
#include "common/screen.h"

#include "common/pager.h"
#include "common/status_line.h"
#include "common/terminal.h"
#include "common/text.h"
#include "common/wrap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	pid_t owner; /* a child process writes for itself */
	bool open, keep_lines, left;
	bool waits;	  /* for a screenful */
	struct text line; /* its beginning: the line end has not come yet */
	struct text ready;
	size_t rows; /* of the terminal, in `ready` */
} screen;

/* Write what is ready. Returns -1 if it cannot be written. A reader that has ended is no error. */
static int deliver(void)
{
	const char *at = text_string(&screen.ready);
	size_t left = screen.ready.size;

	if (left > 0 && !pager_runs())
		status_line_erase();
	while (left > 0 && !screen.left) {
		ssize_t n = write(STDOUT_FILENO, at, left);
		if (n < 0 && errno == EPIPE && pager_runs())
			screen.left = true;
		else if (n < 0 && errno != EINTR)
			return -1;
		else if (n > 0) {
			at += n;
			left -= (size_t)n;
		}
	}
	text_clear(&screen.ready);
	return 0;
}

/* A line has come to its end. */
static void end_line(size_t width)
{
	struct text *ready = &screen.ready;
	const char *line = text_string(&screen.line);
	size_t size = screen.line.size, before = ready->size;

	if (screen.keep_lines) {
		size_t columns = wrap_columns(line, size);
		screen.rows += columns ? (columns + width - 1) / width : 1;
		text_add(ready, line, size);
	} else {
		wrap_add_line(ready, line, size, width);
		for (size_t i = before; i < ready->size; i++)
			screen.rows += ready->bytes[i] == '\n';
		screen.rows++;
	}
	text_add(ready, "\n", 1);
	text_clear(&screen.line);
}

static ssize_t take(void *cookie, const char *bytes, size_t size)
{
	size_t width = terminal_width(), at = 0;

	(void)cookie;
	if (getpid() != screen.owner)
		return write(STDOUT_FILENO, bytes, size);
	while (at < size) {
		const char *end = memchr(bytes + at, '\n', size - at);
		size_t length = end ? (size_t)(end - bytes) - at : size - at;
		text_add(&screen.line, bytes + at, length);
		if (end)
			end_line(width);
		at += length + (end != NULL);
	}
	if (screen.line.failed || screen.ready.failed) {
		errno = ENOMEM;
		return 0;
	}
	if (screen.waits && screen.rows >= terminal_height()) {
		screen.waits = false;
		status_line_erase();
		pager_start();
	}
	if (!screen.waits && deliver() != 0)
		return 0;
	return (ssize_t)size;
}

static void finish(void)
{
	if (getpid() != screen.owner)
		return;
	fflush(stdout);
	text_add(&screen.ready, text_string(&screen.line), screen.line.size);
	deliver();
	pager_wait();
	text_free(&screen.line);
	text_free(&screen.ready);
}

void screen_open(void)
{
	static const cookie_io_functions_t functions = {.write = take};

	if (!terminal_is_output() || atexit(finish) != 0)
		return;
	FILE *stream = fopencookie(NULL, "w", functions);
	if (!stream)
		return;
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	screen.owner = getpid();
	screen.open = true;
	stdout = stream;
}

void screen_use_pager(void)
{
	if (screen.open && !terminal_is_dumb() && pager_is_there())
		screen.waits = true;
}

void screen_wrap(bool wrap)
{
	if (screen.open && screen.keep_lines == wrap) {
		fflush(stdout);
		screen.keep_lines = !wrap;
	}
}

bool screen_is_left(void)
{
	return screen.left;
}
