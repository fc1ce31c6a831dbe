/* cause.h - why an epoch begins, as one line for its record.
 *
 * "user: COMMAND LINE", "wrap: COMMAND LINE" or, in a package manager's hook, "apt: COMMAND LINE"
 * with the package manager's. Command lines are what every user of the machine can read in /proc.
 * The library bounds the length and replaces control characters.
 */
#ifndef MATR_TOOLS_COMMON_CAUSE_H
#define MATR_TOOLS_COMMON_CAUSE_H

#include <matr/store.h>

/* The command line of this process. */
void cause_user(char cause[MATR_STORE_CAUSE_MAX]);

/* A command that runs between two epochs. */
void cause_wrap(char *const command[], char cause[MATR_STORE_CAUSE_MAX]);

/* The hook of `manager`, which has called this process: the nearest ancestor that is neither a
 * shell nor the hook is the package manager. Without one, its name alone. */
void cause_hook(const char *manager, char cause[MATR_STORE_CAUSE_MAX]);

#endif
