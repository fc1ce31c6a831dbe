/* enable.h - what other commands use of matr enable. */
#ifndef MATR_TOOLS_SYSTEM_ENABLE_H
#define MATR_TOOLS_SYSTEM_ENABLE_H

/* Enable the programs again that a package has replaced, for the prefix. Prints only errors.
 * Returns the exit status. */
int enable_refresh(const char *prefix);

#endif
