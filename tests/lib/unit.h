/* unit.h - what unit tests (libcheck) have in common: running, and a directory to write to. */
#ifndef MATR_TESTS_UNIT_H
#define MATR_TESTS_UNIT_H

#include <check.h>
#include <stdbool.h>

/* Test whether a part of the name matches MATR_TEST_ONLY, a pattern of the shell. Without the
 * variable every name matches. */
bool unit_wanted(const char *test);

/* A test that is not wanted is not added. */
#undef tcase_add_test
#define tcase_add_test(tests, function) tcase_add_loop_test(tests, function, 0, 1)
#undef tcase_add_loop_test
#define tcase_add_loop_test(tests, function, from, to)                                             \
	(unit_wanted(#function) ? tcase_add_loop_test_raise_signal(tests, function, 0, from, to)   \
				: (void)0)

/* Run the tests. Returns the exit status of the program; no test at all is a failure. */
int unit_run(TCase *tests, const char *name);

/* Make a directory for one test, from a path that ends with six characters to replace, and remove
 * it with all that is in it. */
void unit_directory_make(char *path);
void unit_directory_remove(const char *path);

#endif
