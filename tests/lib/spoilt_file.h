/* spoilt_file.h - a file in a directory of its own, for tests that write it and let matr open
 * it. */
#ifndef MATR_TEST_SPOILT_FILE_H
#define MATR_TEST_SPOILT_FILE_H

#include <stddef.h>

#include <matr/object.h>

struct spoilt_file {
	char directory[48];
	char path[64];
	struct matr_error err; /* of the last spoilt_file_open() */
};

void spoilt_file_setup(struct spoilt_file *file);
void spoilt_file_teardown(struct spoilt_file *file);
void spoilt_file_write(struct spoilt_file *file, const void *data, size_t size);

/* Read it as an object. Returns MATR_OK, or the error; an error without a clear message and file
 * fails the test. */
enum matr_code spoilt_file_open(struct spoilt_file *file);

#endif
