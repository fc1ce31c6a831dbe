/* status_line.h - the line of progress on the terminal, which makes way for what is printed. */
#ifndef MATR_TOOLS_COMMON_STATUS_LINE_H
#define MATR_TOOLS_COMMON_STATUS_LINE_H

#include <stddef.h>

/* Write a line on standard error over the last one. An empty line erases it.
 * line: safe, and no wider than the terminal; size bytes. */
void status_line_show(const char *line, size_t size);

/* Erase the line that is there: something else goes to the terminal. */
void status_line_erase(void);

/* Show from half a second on how long the command has worked, on standard error if that is a
 * terminal, until there is another line, something is printed, or the process ends.
 * To be called once. It takes SIGALRM. */
void status_line_await(void);

#endif
