/* progress.c - the progress of work, as a line on a terminal. */
#include "common/progress.h"

#include "common/safe.h"
#include "common/terminal.h"
#include "common/wrap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t line_is_there; /* on standard error */
static volatile sig_atomic_t half_seconds;  /* of the wait */
static bool awaits;

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

/* ---- waiting ---- */

/* Only what a signal handler may: the line is put together by hand. */
static void on_alarm(int number)
{
	char line[48] = "\rworking: ", digits[12];
	size_t length = strlen(line), n = 0;
	int seconds = (int)++half_seconds / 2, error = errno;

	(void)number;
	for (; seconds; seconds /= 10)
		digits[n++] = (char)('0' + seconds % 10);
	if (!n)
		digits[n++] = '0';
	while (n)
		line[length++] = digits[--n];
	memcpy(line + length, " s\033[K", sizeof " s\033[K");
	if (write(STDERR_FILENO, line, strlen(line)) > 0)
		line_is_there = 1;
	errno = error;
}

static void set_timer(suseconds_t microseconds)
{
	const struct itimerval timer = {.it_interval.tv_usec = microseconds,
					.it_value.tv_usec = microseconds};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void stop_waiting(void)
{
	if (awaits)
		set_timer(0);
	awaits = false;
}

void progress_await(void)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	if (!terminal_shows_progress() || atexit(progress_erase) != 0)
		return;
	sigemptyset(&action.sa_mask);
	awaits = sigaction(SIGALRM, &action, NULL) == 0;
	if (awaits)
		set_timer(500000);
}

/* ---- the line ---- */

void progress_line(const char *format, ...)
{
	struct text line = {0};
	va_list args;

	stop_waiting();
	va_start(args, format);
	text_add_format(&line, format, args);
	va_end(args);
	/* The last column stays free: some terminals begin a new line behind it. */
	size_t size = wrap_cut(text_string(&line), line.size, terminal_error_width() - 1);
	fprintf(stderr, "\r%.*s\033[K", (int)size, text_string(&line));
	fflush(stderr);
	line_is_there = size > 0;
	text_free(&line);
}

void progress_erase(void)
{
	stop_waiting();
	if (line_is_there)
		progress_line("%s", "");
}
