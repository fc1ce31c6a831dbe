/* row_cache.c - not there yet. */
#include "row_cache.h"

#include <stddef.h>

int row_cache_open(const char *path, struct row_cache **out, struct matr_error *err)
{
	*out = NULL;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, path, "there is no cache yet");
}

void row_cache_close(struct row_cache *cache)
{
	(void)cache;
}
