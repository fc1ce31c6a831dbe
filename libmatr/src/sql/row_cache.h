/* row_cache.h - rows kept in a database on disk. */
#ifndef MATR_SQL_ROW_CACHE_H
#define MATR_SQL_ROW_CACHE_H

#include <matr/error.h>

struct row_cache;

int row_cache_open(const char *path, struct row_cache **out, struct matr_error *err);
void row_cache_close(struct row_cache *cache); /* NULL is allowed */

#endif
