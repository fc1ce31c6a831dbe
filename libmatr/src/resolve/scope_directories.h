/* scope_directories.h - the directories that the files of a scope were found in. */
#ifndef MATR_SCOPE_DIRECTORIES_H
#define MATR_SCOPE_DIRECTORIES_H

#include "resolve/scope.h"

/* List the directories that the entries from `first` on depend on (matr/mapping.h). Adds
 * MATR_MAPPING_PRIVATE to the flags if some file is not world-readable. *out: free each path, then
 * the list. */
int scope_directories(struct scope *scope, uint32_t first, struct matr_directory **out, size_t *n,
		      struct matr_error *err);

#endif
