/* libraries.h - the libraries of an open ELF file, found as ld.so would find them. */
#ifndef MATR_SQL_LIBRARIES_H
#define MATR_SQL_LIBRARIES_H

#include <matr/libraries.h>

#include "sql/reader/elf_file.h"

/* Find the libraries of the file. A static program and an object file have none: *out is empty.
 * *session is opened by the first call that needs one; the caller closes it. *out:
 * matr_libraries_free(). Errors: UNSUPPORTED (a file for another machine), and those of the
 * search. */
int libraries_find(struct matr_session **session, const struct elf_file *file,
		   struct matr_libraries *out, struct matr_error *err);

#endif
