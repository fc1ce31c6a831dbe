/* progress.c - the progress of work, as a line on a terminal. */
#include "common/progress.h"

#include "common/safe.h"
#include "common/status_line.h"
#include "common/terminal.h"
#include "common/wrap.h"

#include <stdarg.h>
#include <time.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct progress progress_begin(const char *what)
{
	return (struct progress){
		.what = what, .begun = now(), .terminal = terminal_shows_progress()};
}

void progress_show(struct progress *progress, size_t done, size_t all)
{
	double time = progress->terminal ? now() : 0;

	if (!progress->terminal || time - progress->begun < 0.5 || time - progress->shown < 0.1)
		return;
	progress->shown = time;
	progress->visible = true;
	progress_line("%s: %zu %%", progress->what, all ? 100 * done / all : 100);
}

void progress_clear(struct progress *progress)
{
	if (progress->visible)
		progress_line("%s", "");
	progress->visible = false;
}

void progress_line(const char *format, ...)
{
	struct text line = {0};
	va_list args;

	va_start(args, format);
	text_add_format(&line, format, args);
	va_end(args);
	/* The last column stays free: some terminals begin a new line behind it. */
	status_line_show(text_string(&line),
			 wrap_cut(text_string(&line), line.size, terminal_error_width() - 1));
	text_free(&line);
}
