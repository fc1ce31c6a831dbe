/* ld_so_cache.c - reading /etc/ld.so.cache.
 *
 * The format is glibc's own ("glibc-ld.so.cache1.1", described by its ldconfig sources and stable
 * since 2.2; the extension with the names of glibc-hwcaps subdirectories since 2.33). Files made
 * for very old systems have the libc5 format in front of it; the new part starts at the next
 * multiple of 8.
 */
#include "resolve/ld_so_cache.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"

#define OLD_MAGIC "ld.so-1.7.0"
#define NEW_MAGIC "glibc-ld.so.cache1.1"

enum {
	MAX_CACHE = 256 << 20, /* bytes; a real one has a few hundred kilobytes */
	FLAGS_X86_64 = 0x0303, /* libc6, x86-64 */
	SECTION_HWCAPS = 1,
	LEVEL_NAMED = 1 << 30, /* upper half of hwcap: the lower half is an index of names */
};

static const uint32_t extension_magic = 0xeaa42174;

struct cache_header {
	char magic[20];
	uint32_t n_entries, strings_size;
	uint8_t flags, padding[3];
	uint32_t extension;
	uint32_t unused[3];
};

struct cache_entry {
	int32_t flags;
	uint32_t name, path; /* offsets from the header */
	uint32_t os_version;
	uint64_t hwcap;
};

struct cache_section {
	uint32_t tag, flags, offset, size;
};

struct part { /* what follows the new header */
	const char *start;
	size_t size;
};

/* The string at offset, if it ends within the file. */
static const char *string_at(struct part part, uint32_t offset)
{
	if (offset >= part.size || !memchr(part.start + offset, 0, part.size - offset))
		return NULL;
	return part.start + offset;
}

static bool read_at(struct part part, uint64_t offset, void *target, size_t size)
{
	if (offset > part.size || size > part.size - offset)
		return false;
	memcpy(target, part.start + offset, size);
	return true;
}

/* The name of the glibc-hwcaps subdirectory with the given index. */
static const char *level_name(struct part part, uint32_t extension, uint32_t index)
{
	uint32_t head[2], offset;
	struct cache_section section;

	if (!extension || !read_at(part, extension, head, sizeof head) ||
	    head[0] != extension_magic)
		return NULL;
	for (uint32_t i = 0; i < head[1]; i++) {
		if (!read_at(part, (uint64_t)extension + sizeof head + (uint64_t)i * sizeof section,
			     &section, sizeof section))
			return NULL;
		if (section.tag != SECTION_HWCAPS)
			continue;
		if (index >= section.size / sizeof offset ||
		    !read_at(part, (uint64_t)section.offset + (uint64_t)index * sizeof offset,
			     &offset, sizeof offset))
			return NULL;
		return string_at(part, offset);
	}
	return NULL;
}

static bool has_old_format(const struct ld_so_cache *cache)
{
	return cache->size >= 16 && !memcmp(cache->data, OLD_MAGIC, sizeof OLD_MAGIC - 1);
}

/* Start of the new format; size 0: absent. */
static struct part find_part(const struct ld_so_cache *cache)
{
	struct part whole = {cache->data, cache->size};
	size_t start = 0;

	if (has_old_format(cache)) {
		uint32_t n;
		memcpy(&n, (char *)cache->data + 12, sizeof n);
		start = (16 + (size_t)n * 12 + 7) & ~(size_t)7;
	}
	if (start > cache->size || cache->size - start < sizeof(struct cache_header) ||
	    memcmp(whole.start + start, NEW_MAGIC, sizeof NEW_MAGIC - 1))
		return (struct part){NULL, 0};
	return (struct part){whole.start + start, cache->size - start};
}

static int index_names(struct ld_so_cache *cache, struct matr_error *err)
{
	cache->first = calloc((size_t)cache->names.n + 1, sizeof *cache->first);
	cache->last = calloc((size_t)cache->names.n + 1, sizeof *cache->last);
	if (!cache->first || !cache->last)
		return matr_fail_memory(err);
	for (size_t i = 0; i < cache->n_entries; i++) {
		uint32_t name = cache->entries[i].name;
		if (cache->last[name])
			cache->entries[cache->last[name] - 1].next = (uint32_t)i + 1;
		else
			cache->first[name] = (uint32_t)i + 1;
		cache->last[name] = (uint32_t)i + 1;
	}
	return 0;
}

/* ld.so compares digits as numbers: libx.so.01 is libx.so.1. Writes the name with every number in
 * its shortest form to `out`, which has room for a copy of it. */
static void shorten_numbers(const char *name, char *out)
{
	while (*name) {
		uint32_t number = 0; /* ld.so's int overflows too */
		if (*name < '0' || *name > '9') {
			*out++ = *name++;
			continue;
		}
		for (; *name >= '0' && *name <= '9'; name++)
			number = number * 10 + (uint32_t)(*name - '0');
		out += sprintf(out, "%u", number);
	}
	*out = 0;
}

/* Test whether the name has a number that could be shorter. */
static bool has_long_number(const char *name)
{
	size_t digits = 0;

	for (; *name; name++) {
		bool digit = *name >= '0' && *name <= '9';
		if (digit && digits == 0 && *name == '0' && name[1] >= '0' && name[1] <= '9')
			return true;
		digits = digit ? digits + 1 : 0;
		if (digits >= 10)
			return true;
	}
	return false;
}

static int add_name(struct ld_so_cache *cache, const char *name, uint32_t *id,
		    struct matr_error *err)
{
	if (!has_long_number(name))
		return intern_add(&cache->names, name, id, err);
	if (array_grow(&cache->copies, cache->n_copies, sizeof *cache->copies, err) != 0)
		return -1;
	char *copy = malloc(strlen(name) + 1);
	if (!copy)
		return matr_fail_memory(err);
	cache->copies[cache->n_copies++] = copy;
	shorten_numbers(name, copy);
	return intern_add(&cache->names, copy, id, err);
}

static int read_entries(const char *path, struct ld_so_cache *cache, struct matr_error *err)
{
	struct part part = find_part(cache);
	struct cache_header header;

	if (!read_at(part, 0, &header, sizeof header) ||
	    header.n_entries > (part.size - sizeof header) / sizeof(struct cache_entry)) {
		/* ld.so does without. The format of libc5 alone is one that it still reads. */
		if (!has_old_format(cache))
			return index_names(cache, err);
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path, "is in the old format only");
	}
	cache->entries = calloc((size_t)header.n_entries + 1, sizeof *cache->entries);
	if (!cache->entries)
		return matr_fail_memory(err);
	for (uint32_t i = 0; i < header.n_entries; i++) {
		struct cache_entry entry;
		read_at(part, sizeof header + (uint64_t)i * sizeof entry, &entry, sizeof entry);
		if (entry.flags != FLAGS_X86_64)
			continue;
		const char *name = string_at(part, entry.name);
		struct ld_so_cache_entry *out = &cache->entries[cache->n_entries];
		out->path = string_at(part, entry.path);
		if (!name || !out->path)
			return matr_fail(err, MATR_ERROR_MALFORMED, path,
					 "has an entry without a name");
		if (entry.hwcap >> 32 == LEVEL_NAMED)
			out->level = level_name(part, header.extension, (uint32_t)entry.hwcap);
		if (entry.hwcap && !out->level)
			continue; /* legacy hwcap directories: ldconfig no longer lists them */
		if (add_name(cache, name, &out->name, err) < 0)
			return -1;
		cache->n_entries++;
	}
	return index_names(cache, err);
}

int ld_so_cache_open(const char *path, struct ld_so_cache *cache, struct matr_error *err)
{
	*cache = (struct ld_so_cache){0};
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (file_read(path, MAX_CACHE, &cache->data, &cache->size, err) < 0)
		return -1;
	if (read_entries(path, cache, err) < 0) {
		ld_so_cache_close(cache);
		return -1;
	}
	return 0;
}

void ld_so_cache_close(struct ld_so_cache *cache)
{
	intern_free(&cache->names);
	free(cache->entries);
	free(cache->first);
	free(cache->last);
	for (size_t i = 0; i < cache->n_copies; i++)
		free(cache->copies[i]);
	free(cache->copies);
	free(cache->data);
	*cache = (struct ld_so_cache){0};
}

const char *ld_so_cache_find(const struct ld_so_cache *cache, const char *name,
			     const char *const *levels, bool *by_level)
{
	char shortened[PATH_MAX];
	const char *best = NULL;
	size_t best_level = SIZE_MAX;

	if (has_long_number(name) && strlen(name) < sizeof shortened) {
		shorten_numbers(name, shortened);
		name = shortened;
	}
	uint32_t id = intern_find(&cache->names, name);
	if (id == UINT32_MAX)
		return NULL;
	for (uint32_t at = cache->first[id]; at; at = cache->entries[at - 1].next) {
		const struct ld_so_cache_entry *entry = &cache->entries[at - 1];
		if (!entry->level) {
			if (!best)
				best = entry->path;
			continue;
		}
		*by_level = true;
		for (size_t i = 0; i < best_level && levels[i]; i++) {
			if (!strcmp(levels[i], entry->level)) {
				best_level = i;
				best = entry->path;
			}
		}
	}
	return best;
}
