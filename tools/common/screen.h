/* screen.h - standard output where that is a terminal: lines are wrapped at words, and more than a
 * screenful goes to a pager. Elsewhere standard output is as it was.
 *
 * stdout becomes a stream of our own; fileno() of it is -1, STDOUT_FILENO is the terminal.
 */
#ifndef MATR_TOOLS_COMMON_SCREEN_H
#define MATR_TOOLS_COMMON_SCREEN_H

#include <stdbool.h>

/* To be called once, by main(), before anything is written. */
void screen_open(void);

/* Keep what is written until it is more than a screenful or the process ends, and use a pager in
 * the first case. For commands that change nothing and run no program. */
void screen_use_pager(void);

/* Leave long lines alone from now on (false), for output that programs read, or wrap them. */
void screen_wrap(bool wrap);

/* Test whether the user has left the pager. Further output is dropped, which is no error. */
bool screen_is_left(void);

#endif
