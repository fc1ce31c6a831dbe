/* status_line.c - the line of progress that is on the terminal, and makes way for what is printed.
 *
 * A line of its own below progress.c: what prints (safe.c, screen.c, message.c) erases it first.
 */
#include "common/status_line.h"

#include "common/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t line_is_there; /* on standard error */
static volatile sig_atomic_t half_seconds;  /* of the wait */
static bool awaits;

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

void status_line_await(void)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	if (!terminal_shows_progress() || atexit(status_line_erase) != 0)
		return;
	sigemptyset(&action.sa_mask);
	awaits = sigaction(SIGALRM, &action, NULL) == 0;
	if (awaits)
		set_timer(500000);
}

void status_line_show(const char *line, size_t size)
{
	stop_waiting();
	fprintf(stderr, "\r%.*s\033[K", (int)size, line);
	fflush(stderr);
	line_is_there = size > 0;
}

void status_line_erase(void)
{
	stop_waiting();
	if (line_is_there)
		status_line_show("", 0);
}
