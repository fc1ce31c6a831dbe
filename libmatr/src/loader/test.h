/* test.h - test that programs of this system start with an ld-stable. */
#ifndef MATR_LOADER_TEST_H
#define MATR_LOADER_TEST_H

#include <matr/error.h>

/* Start programs by the ld-stable at `file` (absolute, at most 27 bytes: it takes the place of the
 * usual path in copies of these programs) and compare with how they run by themselves. STATE:
 * something differs; the message has the difference. */
int loader_test(const char *file, const char *real, struct matr_error *err);

#endif
