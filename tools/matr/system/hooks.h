/* hooks.h - what other commands use of matr hooks. */
#ifndef MATR_TOOLS_SYSTEM_HOOKS_H
#define MATR_TOOLS_SYSTEM_HOOKS_H

#include <stddef.h>

/* Count the package managers of this system that lack their hook; `names` receives them ("apt,
 * dpkg"). */
size_t hooks_missing(char *names, size_t size);

/* The file that installed hooks call, if it cannot be executed, so that they do nothing; NULL
 * otherwise. */
const char *hooks_idle(void);

#endif
