/* map.c - open addressing with linear probing. */
#include "base/map.h"

#include <stdlib.h>

void map_free(struct map *map)
{
	free(map->entries);
	*map = (struct map){0};
}

/* The entry that has the key, or the free one where it would go. */
static struct map_entry *find(struct map_entry *entries, size_t room, uint64_t key)
{
	/* A product's bits depend on lower ones of the key only, so the upper half is folded in. */
	uint64_t at = ((key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15)) >> 20;

	for (;; at++) {
		struct map_entry *entry = &entries[at & (room - 1)];
		if (!entry->used || entry->key == key)
			return entry;
	}
}

bool map_get(const struct map *map, uint64_t key, uint64_t *value)
{
	if (!map->room)
		return false;
	const struct map_entry *entry = find(map->entries, map->room, key);
	if (!entry->used)
		return false;
	*value = entry->value;
	return true;
}

int map_set(struct map *map, uint64_t key, uint64_t value)
{
	if (map->used * 2 >= map->room) {
		size_t room = map->room ? map->room * 2 : 64;
		struct map_entry *entries = calloc(room, sizeof *entries);
		if (!entries)
			return -1;
		for (size_t i = 0; i < map->room; i++)
			if (map->entries[i].used)
				*find(entries, room, map->entries[i].key) = map->entries[i];
		free(map->entries);
		map->entries = entries;
		map->room = room;
	}
	struct map_entry *entry = find(map->entries, map->room, key);
	map->used += !entry->used;
	*entry = (struct map_entry){.key = key, .value = value, .used = true};
	return 0;
}
