/* pager.h - the user's pager, started as git starts it. */
#ifndef MATR_TOOLS_COMMON_PAGER_H
#define MATR_TOOLS_COMMON_PAGER_H

#include <stdbool.h>

/* Test whether there is a pager, and it is wanted. The pager is MATR_PAGER, else PAGER, else
 * `pager` or `less`. "" and "cat" mean none. */
bool pager_is_there(void);

/* Send standard output, and standard error where that is a terminal, to the pager. If it cannot be
 * started, both stay as they are. */
void pager_start(void);

bool pager_runs(void);

/* End the output and wait until the user leaves the pager. */
void pager_wait(void);

#endif
