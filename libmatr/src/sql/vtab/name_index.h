/* name_index.h - which files of a set have a symbol of some name. */
#ifndef MATR_SQL_NAME_INDEX_H
#define MATR_SQL_NAME_INDEX_H

#include "sql/vtab/file_set.h"

enum { HAS_IMPORT = 1, HAS_EXPORT = 2, HAS_OTHER = 4 };

struct name_index;

/* The index of the set; NULL where all files have to be asked, because they are few or such
 * questions are, or with an error. Valid while a cursor is open. */
const struct name_index *name_index_of(struct file_set *set, struct matr_error *err);

/* Go through the files that may have the name as one of HAS_*: *at is 0 before the first. Hash
 * values decide: a file may turn out not to have it. false: no more. */
bool name_index_next(const struct name_index *index, const char *name, unsigned kinds, uint32_t *at,
		     const char **path);

#endif
