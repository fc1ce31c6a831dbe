/* applied.h - what applies the relocations of one application, or of one of its closures: the
 * column `applied`. */
#ifndef MATR_SQL_MAPPING_APPLIED_H
#define MATR_SQL_MAPPING_APPLIED_H

#include "sql/mapping/store.h"

#include <matr/applied.h>

struct mapping_applied { /* all zero: of no application */
	int64_t application, closure;
	struct matr_applied_mapping *applied;
};

/* Read what belongs to the application, or to its closure (0: none), unless that is what is
 * there. */
int mapping_applied_read(struct mapping_applied *applied, struct mapping_store *store,
			 int64_t application, int64_t closure, struct matr_error *err);
void mapping_applied_clear(struct mapping_applied *applied);

#define MAPPING_APPLIED_RELATIVE SIZE_MAX

/* A word for how relocation `index` (or a relative one) of the object at that position of the
 * scope is applied. */
const char *mapping_applied_how(const struct mapping_applied *applied, size_t position,
				size_t index);

#endif
