/* libraries.h - what a file needs and where ld.so would find it.
 *
 * The file is looked at as if it were the program that is started, or the library that is loaded first:
 * what another program that loads it too adds to the search (its DT_RPATH) is not known here.
 */
#ifndef MATR_SQL_LIBRARIES_H
#define MATR_SQL_LIBRARIES_H

#include "sql/reader/elf_file.h"

struct libraries; /* what searches share: ld.so.cache, files read before */

void libraries_free(struct libraries *libraries); /* NULL is allowed */

/* The paths of all objects that come with the file when it is started or loaded, without the file itself, as
 * ld.so finds them: queries compare their last parts with DT_NEEDED, as ldd's output would be. *libraries is made at the first call. *paths: free each, then the list. */
int libraries_of(struct libraries **libraries, struct elf_file *file, char ***paths, size_t *n,
		 struct matr_error *err);

struct needed_library { /* one DT_NEEDED entry */
	char *name;
	char *found;	  /* as ld.so has it; NULL: nowhere */
	char *canonical;  /* without symbolic links; NULL: nowhere */
	const char *rule; /* how it was found: RUNPATH, CACHE, ...; NULL: nowhere */
};

/* The DT_NEEDED entries of the file in order. *out: needed_free(). */
int libraries_needed(struct libraries **libraries, struct elf_file *file,
		     struct needed_library **out, size_t *n, struct matr_error *err);
void needed_free(struct needed_library *needed, size_t n);

#endif
