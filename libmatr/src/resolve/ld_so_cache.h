/* ld_so_cache.h - /etc/ld.so.cache, which ldconfig writes and ld.so searches. */
#ifndef MATR_LD_SO_CACHE_H
#define MATR_LD_SO_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#include "base/intern.h"

struct ld_so_cache { /* all zero: empty, as where there is no cache */
	void *data;
	size_t size;
	struct ld_so_cache_entry {
		const char *path;
		const char *level; /* glibc-hwcaps subdirectory it is from; NULL: none */
		uint32_t name;	   /* id in names */
		uint32_t next;	   /* index of the next of this name + 1; 0: last */
	} * entries;
	size_t n_entries;
	struct intern names;
	char **copies; /* of names that are not as in the file */
	size_t n_copies;
	uint32_t *first, *last; /* by name id: index into entries + 1 */
};

/* A missing file is an empty cache. */
int ld_so_cache_open(const char *path, struct ld_so_cache *cache, struct matr_error *err);
void ld_so_cache_close(struct ld_so_cache *cache);

/* Find the path for a soname, as ld.so chooses among several: the best of `levels`
 * (NULL-terminated, best first), else the plain one. NULL: none. *by_level: levels were
 * considered. */
const char *ld_so_cache_find(const struct ld_so_cache *cache, const char *name,
			     const char *const *levels, bool *by_level);

#endif
