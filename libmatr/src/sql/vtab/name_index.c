/* name_index.c - which files of a set have a symbol of some name.
 *
 * A join by name looks up hundreds of thousands of names in a thousand files; most names are in
 * few of them. The index keeps, by hash of the name, the files that have it, and whether they
 * import or export it: about 40 bytes per name and 8 per file that has it.
 */
#include "sql/vtab/name_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/map.h"
#include "sql/reader/elf_symbols.h"

struct name_index {
	struct map first; /* hash of name -> index into entries + 1, the last file's first */
	struct entry {
		uint32_t file; /* and 3 bits HAS_* on top */
		uint32_t next; /* index + 1; 0: no more */
	} * entries;
	size_t n, capacity;
	struct indexed_file {
		char *path;
		struct matr_file_id id;
		bool is_there;
	} * files;
	size_t n_files, file_capacity;
};

enum {
	KIND_SHIFT = 29,
	FEW_FILES = 8,	 /* with fewer there is no index, */
	FEW_LOOKUPS = 8, /* nor before so many look-ups */
};

static void free_index(struct name_index *index)
{
	for (size_t i = 0; i < index->n_files; i++)
		free(index->files[i].path);
	free(index->files);
	free(index->entries);
	map_free(&index->first);
	free(index);
}

static unsigned kind_of(const struct elf_symbol *symbol)
{
	return elf_symbol_is_imported(symbol)	? HAS_IMPORT
	       : elf_symbol_is_exported(symbol) ? HAS_EXPORT
						: HAS_OTHER;
}

static int add(struct name_index *index, const char *name, uint32_t file, unsigned kind,
	       struct matr_error *err)
{
	uint64_t key = elf_symbol_hash(name), before = 0;

	map_get(&index->first, key, &before);
	if (before && (index->entries[before - 1].file & ((1u << KIND_SHIFT) - 1)) == file) {
		index->entries[before - 1].file |= kind << KIND_SHIFT;
		return 0;
	}
	if (array_reserve(&index->entries, &index->capacity, index->n + 1, sizeof *index->entries,
			  err) != 0)
		return -1;
	index->entries[index->n++] = (struct entry){file | kind << KIND_SHIFT, (uint32_t)before};
	return map_set(&index->first, key, index->n) < 0 ? matr_fail_memory(err) : 0;
}

static int add_symbols(struct name_index *index, struct elf_file *file, uint32_t number,
		       struct matr_error *err)
{
	struct elf_symbols *symbols = elf_symbols_of(file, err);
	struct elf_symbol symbol;

	for (size_t i = 0; symbols && i < symbols->n; i++) {
		elf_symbol_get(file, i, &symbol);
		if (add(index, symbol.name, number, kind_of(&symbol), err) < 0)
			return -1;
	}
	return symbols ? 0 : -1;
}

/* Takes over the path. */
static int add_file(struct name_index *index, char *path, struct matr_error *err)
{
	struct indexed_file entry = {.path = path};

	if (!path)
		return matr_fail_memory(err);
	if (array_reserve(&index->files, &index->file_capacity, index->n_files + 1,
			  sizeof *index->files, err) != 0) {
		free(path);
		return -1;
	}
	entry.is_there = elf_file_identify(path, &entry.id) == 0;
	index->files[index->n_files++] = entry;
	return 0;
}

static int read_files(struct name_index *index, struct file_set *set, struct matr_error *err)
{
	for (size_t i = 0;; i++) {
		struct elf_file *file;
		struct matr_error own = {0};
		const char *path;
		if (file_set_get(set, i, &path, err) < 0)
			return -1;
		if (!path)
			return 0;
		if (add_file(index, strdup(path), err) < 0)
			return -1;
		if (file_set_open(set, path, &file, &own) == 0) {
			add_symbols(index, file, (uint32_t)i, &own);
			file_set_close(set, file);
		}
		/* A file's faults are reported when the file is read. */
		if (own.code == MATR_ERROR_RESOURCES)
			return matr_error_copy(err, &own);
	}
}

static struct name_index *make_index(struct file_set *set, struct matr_error *err)
{
	struct name_index *index = calloc(1, sizeof *index);

	if (!index) {
		matr_fail_memory(err);
		return NULL;
	}
	if (read_files(index, set, err) < 0) {
		free_index(index);
		return NULL;
	}
	return index;
}

static bool is_current(const struct name_index *index)
{
	for (size_t i = 0; i < index->n_files; i++) {
		struct matr_file_id now = {0};
		bool is_there = elf_file_identify(index->files[i].path, &now) == 0;
		if (is_there != index->files[i].is_there ||
		    memcmp(&now, &index->files[i].id, sizeof now) != 0)
			return false;
	}
	return true;
}

const struct name_index *name_index_of(struct file_set *set, struct matr_error *err)
{
	struct file_set_names *names = file_set_names(set);
	uint64_t now = file_set_generation(set);

	/* An index that was made for a statement before this one may be out of date. */
	if (names->index && names->checked != now && !is_current(names->index)) {
		free_index(names->index);
		*names = (struct file_set_names){0};
	}
	names->checked = now;
	if (names->index || ++names->lookups < FEW_LOOKUPS || file_set_count(set) < FEW_FILES)
		return names->index;
	names->index = make_index(set, err);
	names->free = free_index;
	return names->index;
}

bool name_index_next(const struct name_index *index, const char *name, unsigned kinds, uint32_t *at,
		     const char **path)
{
	uint64_t next = 0;

	if (*at)
		next = index->entries[*at - 1].next;
	else
		map_get(&index->first, elf_symbol_hash(name), &next);
	while (next && !(index->entries[next - 1].file >> KIND_SHIFT & kinds))
		next = index->entries[next - 1].next;
	*at = (uint32_t)next;
	if (!next)
		return false;
	*path = index->files[index->entries[next - 1].file & ((1u << KIND_SHIFT) - 1)].path;
	return true;
}
