/* unit.h - what unit tests (libcheck) have in common: running, and a directory to write to. */
#ifndef MATR_TESTS_UNIT_H
#define MATR_TESTS_UNIT_H

#include <check.h>

/* Run the tests. Returns the exit status of the program. */
int unit_run(TCase *tests, const char *name);

/* Make a directory for one test, from a path that ends with six characters to replace, and remove
 * it with all that is in it. */
void unit_directory_make(char *path);
void unit_directory_remove(const char *path);

#endif
