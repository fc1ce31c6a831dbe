/* cache.h - decoded objects and vectors, the part of it that only store.c needs. */
#ifndef MATR_SQL_MAPPING_CACHE_H
#define MATR_SQL_MAPPING_CACHE_H

#include "sql/mapping/store.h"

/* Free everything, names too. Nothing may be pinned. */
void mapping_cache_clear(struct mapping_store *store);

#endif
