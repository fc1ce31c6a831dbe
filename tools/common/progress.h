/* progress.h - a line on a terminal that says how far work is. */
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

#endif
