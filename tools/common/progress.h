/* progress.h - the progress of work, as a line on a terminal. */
#ifndef MATR_TOOLS_COMMON_PROGRESS_H
#define MATR_TOOLS_COMMON_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
	const char *what;
	double begun, shown; /* seconds */
	bool terminal, visible;
};

struct progress progress_begin(const char *what);

/* Show the line on standard error if that is a terminal, from half a second on and ten times a
 * second at most. */
void progress_show(struct progress *progress, size_t done, size_t all);

/* Erase the line. */
void progress_clear(struct progress *progress);

/* Write a line on standard error over the last one, cut to the terminal's width. Every %s is safe.
 * An empty line erases it. For those who decide themselves when to do so. */
void progress_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
