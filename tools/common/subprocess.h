/* subprocess.h - running a tool of the system for its output. */
#ifndef MATR_TOOLS_COMMON_SUBPROCESS_H
#define MATR_TOOLS_COMMON_SUBPROCESS_H

#include <stddef.h>

#include <matr/error.h>

/* Run argv[0], found on PATH, and wait. It dies with this process, however that ends, and has
 * its temporary files in `temporary`. Up to size - 1 bytes of its output go to `out`, as a
 * string (may be NULL). NOT_FOUND: there is no such tool; MALFORMED: it failed over `file`, and
 * the message is the first line of its complaint. */
int subprocess_run(char *const argv[], const char *temporary, const char *file, char *out,
		   size_t size, struct matr_error *err);

#endif
