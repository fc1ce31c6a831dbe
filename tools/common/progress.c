/* progress.c - a line on a terminal that says how far work is. */
#include "common/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct progress progress_begin(const char *what)
{
	return (struct progress){
		.what = what, .begun = now(), .terminal = isatty(STDERR_FILENO) == 1};
}

void progress_show(struct progress *progress, size_t done, size_t all)
{
	double time = progress->terminal ? now() : 0;

	if (!progress->terminal || time - progress->begun < 0.5 || time - progress->shown < 0.1)
		return;
	progress->shown = time;
	progress->visible = true;
	fprintf(stderr, "\r%s: %zu %%\033[K", progress->what, all ? 100 * done / all : 100);
}

void progress_clear(struct progress *progress)
{
	if (progress->visible)
		fputs("\r\033[K", stderr);
	progress->visible = false;
}
