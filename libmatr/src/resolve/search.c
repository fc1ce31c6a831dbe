/* search.c - library search as ld.so(8) does it.
 *
 * A name with a slash is a path. For others, in this order: DT_RPATH of the requester, of what
 * loaded it, and so on up to the application, unless the requester has DT_RUNPATH; LD_LIBRARY_PATH,
 * where the application is known to be started with it (matr.conf(5)); DT_RUNPATH of the requester;
 * ld.so.cache;
 * the default directories. In each directory the glibc-hwcaps and legacy hwcap subdirectories come
 * first. A file for another class or machine is passed over.
 */
#include "resolve/search.h"

#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"

enum { FOUND = 1, NOT_HERE = 0 };

struct search {
	struct matr_session *session;
	const struct searcher *searcher;
	const char *name;
	struct found *out;
};

static int fail_too_long(const struct search *search, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, search->name, "search path is too long");
}

/* Executables are not loaded as libraries, except position-independent ones that are not marked. */
static bool is_executable(const struct matr_object *object)
{
	uint64_t flags;

	if (object->flags & MATR_OBJECT_FIXED)
		return true;
	for (size_t i = 0; i < object->n_dynamic; i++) {
		flags = object->dynamic[i].value;
		if (object->dynamic[i].tag == DT_FLAGS_1 && flags & DF_1_PIE)
			return true;
	}
	return false;
}

/* Test whether the path is a directory. The dot at the end keeps a file of that name from being
 * read. Returns 1 if so, 0 if not, -1 on error. */
static int is_directory(struct search *search, const char *path, struct matr_error *err)
{
	const struct known_path *known;
	char dotted[PATH_MAX];

	if (snprintf(dotted, sizeof dotted, "%s/.", path) >= (int)sizeof dotted)
		return fail_too_long(search, err);
	if (session_path(search->session, dotted, &known, err) == 0)
		return known->is_directory;
	if (err)
		snprintf(err->file, sizeof err->file, "%s", path);
	return -1;
}

/* Try one path. */
static int try_path(struct search *search, const char *path, enum matr_search_rule rule,
		    struct matr_error *err)
{
	const struct known_path *known;

	if (session_path(search->session, path, &known, err) < 0)
		return -1;
	if (known->is_directory)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
				 "is a directory, at which ld.so would stop");
	if (known->object == NO_INDEX)
		return NOT_HERE;
	if (is_executable(search->session->objects[known->object].object))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
				 "is an executable, at which ld.so would stop");
	if (!search->session->objects[known->object].object->dynamic_vaddr)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
				 "has no dynamic section, at which ld.so would stop");
	search->out->path = strdup(path);
	if (!search->out->path)
		return matr_fail_memory(err);
	search->out->object = known->object;
	search->out->rule = rule;
	return FOUND;
}

/* Try one directory with its subdirectories. */
static int try_directory(struct search *search, const char *directory, enum matr_search_rule rule,
			 struct matr_error *err)
{
	const struct system_paths *system = &search->session->system;
	char path[PATH_MAX];
	int there = is_directory(search, directory, err);

	if (there <= 0)
		return there < 0 ? -1 : NOT_HERE;
	const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";
	for (size_t i = 0; i < system->n_subdirectories; i++) {
		int length = snprintf(path, sizeof path, "%s%s%s", directory, slash,
				      system->subdirectories[i]);
		if (length >= (int)sizeof path)
			return fail_too_long(search, err);
		there = is_directory(search, path, err);
		if (there < 0)
			return -1;
		if (!there)
			continue;
		search->out->flags |= MATR_MAPPING_USES_CPU;
		if (snprintf(path + length, sizeof path - (size_t)length, "/%s", search->name) >=
		    (int)sizeof path - length)
			return fail_too_long(search, err);
		int result = try_path(search, path, rule, err);
		if (result)
			return result;
	}
	if (snprintf(path, sizeof path, "%s%s%s", directory, slash, search->name) >=
	    (int)sizeof path)
		return fail_too_long(search, err);
	return try_path(search, path, rule, err);
}

/* ---- dynamic string tokens: $ORIGIN, $LIB, $PLATFORM (ld.so(8)) ---- */

/* Test whether the text after '$' opens with this token, plain or in braces. Returns its length, or
 * 0. */
static size_t token_length(const char *text, const char *token)
{
	size_t length = strlen(token);
	bool braces = *text == '{';

	text += braces;
	if (strncmp(text, token, length) != 0)
		return 0;
	if (braces)
		return text[length] == '}' ? length + 2 : 0;
	/* A longer identifier is no token. */
	char next = text[length];
	bool goes_on = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
		       (next >= '0' && next <= '9') || next == '_';
	return goes_on ? 0 : length;
}

/* Expand `text` of the object at scope index `owner`. Returns false if that is too long for a
 * path. */
static bool expand(struct search *search, const char *text, size_t size, uint32_t owner,
		   char out[PATH_MAX])
{
	static const char *const tokens[] = {"ORIGIN", "LIB", "PLATFORM"};
	const struct matr_scope_entry *entry = &search->searcher->scope[owner];
	const char *end = text + size;
	size_t length = 0;

	while (text < end) {
		const char *value = text;
		size_t value_length = 1, taken = 1;
		for (size_t i = 0; *text == '$' && i < 3; i++) {
			size_t token = token_length(text + 1, tokens[i]);
			if (!token || token > (size_t)(end - text) - 1)
				continue;
			taken = token + 1;
			if (i == 0) {
				value = entry->path;
				value_length = (size_t)(path_name(value) - value) - 1;
				search->out->flags |= owner == 0 ? MATR_MAPPING_USES_ORIGIN : 0;
			} else {
				search->out->flags |= i == 2 ? MATR_MAPPING_USES_CPU : 0;
				value = i == 1 ? search->session->system.lib
					       : search->session->system.platform;
				value_length = strlen(value);
			}
		}
		if (length + value_length >= PATH_MAX)
			return false;
		memcpy(out + length, value, value_length);
		length += value_length;
		text += taken;
	}
	out[length] = 0;
	return true;
}

/* Try the directories of a DT_RPATH or DT_RUNPATH. */
static int try_run_path(struct search *search, const char *list, uint32_t owner,
			enum matr_search_rule rule, struct matr_error *err)
{
	char directory[PATH_MAX];

	if (!*list) /* not the working directory, as an empty element is */
		return NOT_HERE;
	for (;;) {
		size_t length = strcspn(list, ":");
		int result = NOT_HERE; /* there is no directory of a longer name than PATH_MAX */
		if (expand(search, list, length, owner, directory)) {
			if (directory[0] != '/')
				return matr_fail(err, MATR_ERROR_UNSUPPORTED,
						 search->searcher->scope[owner].path,
						 "its run path depends on the working directory");
			for (size_t n = strlen(directory); n > 1 && directory[n - 1] == '/'; n--)
				directory[n - 1] = 0;
			result = try_directory(search, directory, rule, err);
		}
		if (result || !list[length])
			return result;
		list += length + 1;
	}
}

static int try_rpaths(struct search *search, struct matr_error *err)
{
	const struct matr_scope_entry *scope = search->searcher->scope;

	for (uint32_t owner = search->searcher->requester;; owner = scope[owner].loaded_by) {
		if (scope[owner].object->rpath) {
			int result = try_run_path(search, scope[owner].object->rpath, owner,
						  MATR_FOUND_RPATH, err);
			if (result)
				return result;
		}
		if (owner == 0)
			return NOT_HERE;
	}
}

/* The directories of LD_LIBRARY_PATH, which are absolute and have no tokens (config.c). */
static int try_library_path(struct search *search, struct matr_error *err)
{
	const char *list = search->searcher->library_path;
	char directory[PATH_MAX];
	int result = NOT_HERE;

	while (list && *list && !result) {
		size_t length = strcspn(list, ":"), kept = length;
		while (kept > 1 && list[kept - 1] == '/')
			kept--;
		if (kept >= sizeof directory)
			return fail_too_long(search, err);
		memcpy(directory, list, kept);
		directory[kept] = 0;
		result = try_directory(search, directory, MATR_FOUND_LIBRARY_PATH, err);
		list += length + (list[length] == ':');
	}
	return result;
}

static int try_run_paths(struct search *search, struct matr_error *err)
{
	uint32_t requester = search->searcher->requester;
	const char *runpath = search->searcher->scope[requester].object->runpath;

	int result = runpath ? NOT_HERE : try_rpaths(search, err);
	if (!result)
		result = try_library_path(search, err);
	if (!result && runpath)
		result = try_run_path(search, runpath, requester, MATR_FOUND_RUNPATH, err);
	return result;
}

/* DF_1_NODEFLIB: not the default directories, not even by way of the cache. */
static bool in_default_directory(const struct search *search, const char *path)
{
	const struct system_paths *system = &search->session->system;
	for (size_t i = 0; i < system->n_directories; i++) {
		size_t length = strlen(system->directories[i]);
		if (!strncmp(path, system->directories[i], length) && path[length] == '/')
			return true;
	}
	return false;
}

static int try_cache_and_defaults(struct search *search, struct matr_error *err)
{
	const struct matr_session *session = search->session;
	const struct matr_object *requester =
		search->searcher->scope[search->searcher->requester].object;
	bool no_defaults = requester->flags & MATR_OBJECT_NODEFLIB;
	bool by_level = false;
	int result = NOT_HERE;

	const char *path = ld_so_cache_find(&session->cache, search->name,
					    (const char *const *)session->system.levels, &by_level);
	if (by_level)
		search->out->flags |= MATR_MAPPING_USES_CPU;
	if (path && !(no_defaults && in_default_directory(search, path)))
		result = try_path(search, path, MATR_FOUND_CACHE, err);
	for (size_t i = 0; i < session->system.n_directories && !result && !no_defaults; i++)
		result = try_directory(search, session->system.directories[i], MATR_FOUND_DEFAULT,
				       err);
	return result;
}

int search_expand(struct matr_session *session, const struct searcher *searcher, const char *name,
		  char out[PATH_MAX], uint32_t *flags, struct matr_error *err)
{
	struct found found = {.flags = *flags};
	struct search search = {session, searcher, name, &found};

	if (!expand(&search, name, strlen(name), searcher->requester, out))
		return fail_too_long(&search, err);
	*flags = found.flags;
	return 0;
}

int search_library(struct matr_session *session, const struct searcher *searcher, const char *name,
		   struct found *out, struct matr_error *err)
{
	struct search search = {session, searcher, name, out};
	const struct matr_scope_entry *requester = &searcher->scope[searcher->requester];
	int result;

	*out = (struct found){.object = NO_INDEX};
	if (strchr(name, '/')) {
		char path[PATH_MAX];
		if (!expand(&search, name, strlen(name), searcher->requester, path))
			return fail_too_long(&search, err);
		if (path[0] != '/')
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, requester->path,
					 "needs %s, which depends on the working directory", name);
		result = try_path(&search, path, MATR_FOUND_PATH, err);
	} else {
		result = try_run_paths(&search, err);
		if (!result)
			result = try_cache_and_defaults(&search, err);
	}
	if (result < 0)
		return -1;
	if (result == NOT_HERE)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, requester->path,
				 "needs %s, which is not found", name);
	return 0;
}
