/* standard.h - standard input, output and error of a command, whatever the caller made of them. */
#ifndef MATR_TOOLS_COMMON_STANDARD_H
#define MATR_TOOLS_COMMON_STANDARD_H

#include <stdbool.h>

#include <matr/error.h>

/* Prepare a process; `program` is its name in messages. To be called once, first of all, by main().
 *
 * File descriptors 0 to 2 that are closed are opened, so that no file of ours takes their place and
 * gets what is printed. Reading or writing them fails as before, and programs that are executed
 * have them closed. A file that grows beyond RLIMIT_FSIZE is an error (EFBIG) and no signal. */
void standard_open(const char *program);

/* Flush standard output. Returns -1 if not all of it could be written. */
int standard_flush(struct matr_error *err);

/* Test whether this is the error of standard_flush(). Only standard_end() reports that error,
 * once. */
bool standard_is_output_error(const struct matr_error *err);

/* Fill *err with the error of standard_flush() as one of `file`, which was put in the place of
 * standard output. standard_end() does not report it. */
void standard_take_error(const char *file, struct matr_error *err);

/* The exit status of a command that ends with `status`: STATUS_OUTPUT if standard output could not
 * be written. That is reported, except where the reader of a pipe has gone. */
int standard_end(int status);

#endif
