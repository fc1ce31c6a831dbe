/* libraries.h - what a file needs and where ld.so would find it. */
#ifndef MATR_SQL_LIBRARIES_H
#define MATR_SQL_LIBRARIES_H

#include "elf_file.h"

struct libraries; /* what searches share: ld.so.cache, files read before */

void libraries_free(struct libraries *libraries); /* NULL is allowed */

/* The canonical paths of all objects that come with the file when it is started or loaded, without the
 * file itself. *libraries is made at the first call. *paths: free each, then the list. */
int libraries_of(struct libraries **libraries, struct elf_file *file, char ***paths, size_t *n,
		 struct matr_error *err);

#endif
