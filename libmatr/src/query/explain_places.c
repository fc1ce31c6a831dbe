/* explain_places.c - where ld.so looked for a library before it found it.
 *
 * The order is that of search.c. It is repeated here with the data of the mapping: the run paths of
 * the requester and of its loaders, LD_LIBRARY_PATH as configured, and the rule by which the object
 * was found, at which it ends. Directories below one for a CPU (glibc-hwcaps) are part of it.
 */
#include <matr/explain.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path.h"

struct places {
	const struct matr_mapping *mapping;
	const struct matr_scope_entry *entry; /* what is sought */
	struct matr_place *list;
	size_t n;
	bool found;
};

/* Takes over where. */
static int put(struct places *places, enum matr_search_rule rule, uint32_t owner, char *where,
	       bool found, struct matr_error *err)
{
	if (!where)
		return matr_fail_memory(err);
	if (array_grow(&places->list, places->n, sizeof *places->list, err) != 0) {
		free(where);
		return -1;
	}
	places->list[places->n++] = (struct matr_place){rule, where, owner, found};
	places->found |= found;
	return 0;
}

/* glibc-hwcaps/LEVEL/, or the legacy ones, which come in any number (system_paths.c). */
static bool is_hwcap_directory(const char *rest, size_t length)
{
	static const char modern[] = "glibc-hwcaps/";
	static const char *const legacy[] = {"tls/", "haswell/", "avx512_1/", "x86_64/"};
	size_t at = 0;

	if (strncmp(rest, modern, strlen(modern)) == 0)
		return true;
	while (at < length) {
		size_t taken = 0;
		for (int i = 0; i < 4 && !taken; i++)
			if (strncmp(rest + at, legacy[i], strlen(legacy[i])) == 0)
				taken = strlen(legacy[i]);
		if (!taken)
			return false;
		at += taken;
	}
	return true;
}

/* Test whether the object is in the directory, or in one below it that is searched with it. */
static bool is_in(const struct places *places, const char *directory)
{
	const char *path = places->entry->path, *name = path_name(path);
	size_t length = strlen(directory);

	while (length && directory[length - 1] == '/')
		length--;
	if (name == path || strncmp(path, directory, length) != 0 || path[length] != '/')
		return false;
	const char *rest = path + length + 1;
	return rest >= name || is_hwcap_directory(rest, (size_t)(name - rest));
}

/* $ORIGIN and ${ORIGIN} become the directory of the owner; other tokens stay as they are. */
static char *expand(const struct places *places, const char *text, size_t size, uint32_t owner)
{
	static const char *const tokens[] = {"${ORIGIN}", "$ORIGIN"};
	const char *path = places->mapping->scope[owner].path, *name = path_name(path);
	char *out = NULL;
	size_t room;
	FILE *stream = open_memstream(&out, &room);

	if (!stream)
		return NULL;
	for (size_t at = 0; at < size;) {
		size_t taken = 0;
		for (int i = 0; i < 2 && !taken; i++)
			if (strncmp(text + at, tokens[i], strlen(tokens[i])) == 0)
				taken = strlen(tokens[i]);
		if (taken)
			fwrite(path, 1, name > path ? (size_t)(name - path) - 1 : 0, stream);
		else
			putc(text[at++], stream);
		at += taken;
	}
	if (fclose(stream) == 0)
		return out;
	free(out);
	return NULL;
}

static int put_list(struct places *places, const char *list, enum matr_search_rule rule,
		    uint32_t owner, struct matr_error *err)
{
	if (!list || !*list)
		return 0;
	for (;; list++) {
		size_t length = strcspn(list, ":");
		char *directory = expand(places, list, length, owner);
		bool found = directory && places->entry->rule == rule && is_in(places, directory);
		if (put(places, rule, owner, directory, found, err) != 0)
			return -1;
		list += length;
		if (found || !*list)
			return 0;
	}
}

static int put_run_paths(struct places *places, uint32_t requester, struct matr_error *err)
{
	const struct matr_scope_entry *scope = places->mapping->scope;
	const char *runpath = scope[requester].object->runpath;
	int result = 0;

	for (uint32_t owner = requester; !runpath && !places->found && !result;
	     owner = scope[owner].loaded_by) {
		result = put_list(places, scope[owner].object->rpath, MATR_FOUND_RPATH, owner, err);
		if (owner == 0 || scope[owner].loaded_by >= owner)
			break;
	}
	if (!result && !places->found)
		result = put_list(places, places->mapping->library_path, MATR_FOUND_LIBRARY_PATH, 0,
				  err);
	if (!result && !places->found)
		result = put_list(places, runpath, MATR_FOUND_RUNPATH, requester, err);
	return result;
}

/* The directory of the object's path. */
static char *directory_of(const char *path)
{
	return strchr(path, '/') ? strndup(path, path_directory(path)) : strdup(path);
}

static int find_places(struct places *places, struct matr_error *err)
{
	const struct matr_scope_entry *entry = places->entry;
	uint32_t requester = entry->loaded_by;
	static const char cache[] = "/etc/ld.so.cache";

	if (entry->rule == MATR_FOUND_PATH)
		return put(places, entry->rule, requester, strdup(entry->path), true, err);
	if (put_run_paths(places, requester, err) != 0)
		return -1;
	if (places->found)
		return 0;
	if (entry->rule == MATR_FOUND_CACHE)
		return put(places, entry->rule, requester, strdup(cache), true, err);
	if (entry->rule == MATR_FOUND_DEFAULT &&
	    put(places, MATR_FOUND_CACHE, requester, strdup(cache), false, err) != 0)
		return -1;
	/* The directory of the file, also if it is not the text of a run path: $LIB, $PLATFORM. */
	return put(places, entry->rule, requester, directory_of(entry->path), true, err);
}

int matr_places(const struct matr_mapping *mapping, uint32_t index, struct matr_place **out,
		size_t *n, struct matr_error *err)
{
	struct places places = {.mapping = mapping, .entry = &mapping->scope[index]};
	enum matr_search_rule rule = places.entry->rule;

	*out = NULL;
	*n = 0;
	if (!index || !places.entry->needed_as || rule == MATR_FOUND_INTERPRETER ||
	    rule == MATR_FOUND_PRELOAD || rule == MATR_FOUND_EDIT || rule == MATR_FOUND_LOADED)
		return 0;
	if (find_places(&places, err) != 0) {
		matr_places_free(places.list, places.n);
		return -1;
	}
	*out = places.list;
	*n = places.n;
	return 0;
}

void matr_places_free(struct matr_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(places[i].where);
	free(places);
}
