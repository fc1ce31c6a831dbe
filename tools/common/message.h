/* message.h - messages of commands on standard error, and their exit statuses. */
#ifndef MATR_TOOLS_COMMON_MESSAGE_H
#define MATR_TOOLS_COMMON_MESSAGE_H

#include <matr/error.h>

enum exit_status { /* documented in every --help and in matr(1) */
		   STATUS_OK = 0,
		   STATUS_FAILURE = 1,	/* an error, or something is not as it should be */
		   STATUS_USAGE = 2,	/* the command line is wrong */
		   STATUS_OUTPUT = 2,	/* standard output cannot be written; in all commands */
		   STATUS_DECLINED = 3, /* epoch begin: done, but some programs were declined */
		   STATUS_RUN = 125,	/* run: its own failure, as with env(1) */
		   STATUS_CANNOT_EXECUTE = 126,
		   STATUS_NOT_FOUND = 127,
};

/* Print "matr: FILE: MESSAGE"; not of standard output, which standard_end() does. */
void print_error(const struct matr_error *err);

/* The exit status after an error: of the command line, or a failure. */
enum exit_status error_status(const struct matr_error *err);

/* Print "matr: ..."; strings are made safe (safe.h). */
void print_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Point to the command's --help ("epoch begin"), after getopt_long() has reported the fault.
 * Returns STATUS_USAGE. */
int usage_error(const char *command);

/* The same with a reason, and the argument that it is about (NULL: none). */
int usage_error_because(const char *command, const char *reason, const char *argument);

#endif
