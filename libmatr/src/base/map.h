/* map.h - a hash map from 64-bit keys to 64-bit values, for what is looked up by pointer or row id.
 */
#ifndef MATR_MAP_H
#define MATR_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map { /* all zero: an empty map */
	struct map_entry {
		uint64_t key, value;
		bool used;
	} * entries;
	size_t used, room; /* room is 0 or a power of two, at most half of it used */
};

void map_free(struct map *map);
bool map_get(const struct map *map, uint64_t key, uint64_t *value);
/* Set or replace. -1: out of memory. */
int map_set(struct map *map, uint64_t key, uint64_t value);

#endif
