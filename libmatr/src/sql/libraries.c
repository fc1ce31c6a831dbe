/* libraries.c - see libraries.h. */
#include "libraries.h"

void libraries_free(struct libraries *libraries)
{
	(void)libraries;
}

int libraries_of(struct libraries **libraries, struct elf_file *file, char ***paths, size_t *n,
		 struct matr_error *err)
{
	(void)libraries;
	*paths = NULL;
	*n = 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, file->path,
			 "its libraries are not looked for yet");
}
