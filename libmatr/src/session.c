/* session.c - each file read once, each symbol name compared once.
 *
 * Objects are known by device and inode, as ld.so knows them; paths lead to them. Every symbol that lookups
 * can find is entered in one index, by interned name, so that looking a name up means walking the few objects
 * that define it rather than the many of a scope (lookup.c).
 */
#include "session.h"

#include <matr/loader.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object_reader.h"
#include "write_file.h"

const char session_default_interpreter[] = "/lib64/ld-linux-x86-64.so.2";
static const char cache_path[] = "/etc/ld.so.cache";
static const char preload_path[] = "/etc/ld.so.preload";

enum { MAX_PRELOAD = 1 << 20 }; /* bytes */

/* As glibc does it, which looks for every comment from the start of the file, but in what is left of its length: it
 * does not see all of them, and does not see others to their end. */
static void blank_comments(char *text, size_t size)
{
	size_t left = size;
	char *at;

	while (left && (at = memchr(text, '#', left))) {
		left -= (size_t)(at - text);
		do
			*at = ' ';
		while (--left && *++at != '\n');
	}
}

/* Names are separated by white space or colons; # starts a comment (ld.so(8), FILES). */
static int read_preload(struct matr_session *session, struct matr_error *err)
{
	struct stat status;
	void *data;
	size_t size;

	if (stat(preload_path, &status) < 0)
		return 0;
	if (read_file(preload_path, MAX_PRELOAD, &data, &size, err) < 0)
		return -1;
	if (size)
		session->preload_file = (struct matr_file_id){
			.device = status.st_dev,
			.inode = status.st_ino,
			.size = size,
			.mtime = (int64_t)status.st_mtim.tv_sec * 1000000000 +
				 status.st_mtim.tv_nsec,
			.ctime = (int64_t)status.st_ctim.tv_sec * 1000000000 +
				 status.st_ctim.tv_nsec,
		};
	char *text = data, *save = NULL;
	text[size] = 0; /* read_file leaves room */
	blank_comments(text, size);
	int result = 0;
	for (char *name = strtok_r(text, " \t\n:", &save); name && !result;
	     name = strtok_r(NULL, " \t\n:", &save)) {
		char **list = realloc(session->preload, (session->n_preload + 1) * sizeof *list);
		if (list) {
			session->preload = list;
			list[session->n_preload] = strdup(name);
		}
		if (!list || !list[session->n_preload++])
			result = matr_fail_memory(err);
	}
	free(data);
	return result;
}

int matr_session_open(const struct matr_session_options *options, struct matr_session **out,
		      struct matr_error *err)
{
	if (options && options->root && options->root[0] && strcmp(options->root, "/") != 0)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, options->root,
				 "another root is not supported yet");
	struct matr_session *session = calloc(1, sizeof *session);
	if (!session)
		return matr_fail_memory(err);
	if (system_paths_open(session_default_interpreter, options ? options->cpu_level : NULL,
			      &session->system, err) < 0 ||
	    ld_so_cache_open(cache_path, &session->cache, err) < 0 ||
	    read_preload(session, err) < 0) {
		matr_session_close(session);
		return -1;
	}
	*out = session;
	return 0;
}

void matr_session_close(struct matr_session *session)
{
	if (!session)
		return;
	system_paths_close(&session->system);
	ld_so_cache_close(&session->cache);
	for (size_t i = 0; i < session->n_preload; i++)
		free(session->preload[i]);
	free(session->preload);
	free(session->interpreter);
	free(session->real_interpreter);
	for (size_t i = 0; i < session->n_objects; i++) {
		matr_object_free(session->objects[i].object);
		free(session->objects[i].names);
	}
	free(session->objects);
	matr_map_free(&session->by_file);
	for (size_t i = 0; i < session->n_paths; i++)
		free(session->paths[i].path);
	free(session->paths);
	intern_free(&session->path_names);
	intern_free(&session->names);
	free(session->first);
	free(session->last);
	free(session->definitions);
	free(session);
}

int session_open_for_search(struct matr_session **out, struct matr_error *err)
{
	if (matr_session_open(NULL, out, err) < 0)
		return -1;
	(*out)->search_only = true;
	return 0;
}

struct matr_file_id matr_session_preload(const struct matr_session *session)
{
	return session->preload_file;
}

const char *matr_session_cpu_level(const struct matr_session *session)
{
	return session->system.levels[0] ? session->system.levels[0] : "";
}

/* ---- the symbol index ---- */

static int index_name(struct matr_session *session, const char *name, uint32_t *id,
		      struct matr_error *err)
{
	if (intern_add(&session->names, name, id, err) < 0)
		return -1;
	if (*id < session->name_capacity)
		return 0;
	size_t capacity = session->name_capacity ? session->name_capacity * 2 : 4096;
	uint32_t *first = realloc(session->first, capacity * sizeof *first);
	if (first)
		session->first = first;
	uint32_t *last = realloc(session->last, capacity * sizeof *last);
	if (last)
		session->last = last;
	if (!first || !last)
		return matr_fail_memory(err);
	memset(first + session->name_capacity, 0, (capacity - session->name_capacity) * 4);
	memset(last + session->name_capacity, 0, (capacity - session->name_capacity) * 4);
	session->name_capacity = capacity;
	return 0;
}

static int add_definition(struct matr_session *session, uint32_t name, struct definition definition,
			  struct matr_error *err)
{
	if (session->n_definitions == session->definition_capacity) {
		size_t capacity =
			session->definition_capacity ? session->definition_capacity * 2 : 16384;
		struct definition *list = realloc(session->definitions, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		session->definitions = list;
		session->definition_capacity = capacity;
	}
	session->definitions[session->n_definitions++] = definition;
	uint32_t at = (uint32_t)session->n_definitions;
	if (session->last[name])
		session->definitions[session->last[name] - 1].next = at;
	else
		session->first[name] = at;
	session->last[name] = at;
	return 0;
}

/* An undefined symbol with a value is the canonical address of a function in a non-PIE executable, and is
 * found too (psABI, "Function Addresses"). */
static int index_symbols(struct matr_session *session, uint32_t index, struct matr_error *err)
{
	struct session_object *entry = &session->objects[index];
	const struct matr_object *object = entry->object;

	entry->names = calloc(object->n_symbols + 1, sizeof *entry->names);
	if (!entry->names)
		return matr_fail_memory(err);
	for (size_t i = 0; i < object->n_symbols; i++) {
		const struct matr_symbol *symbol = &object->symbols[i];
		if (index_name(session, symbol->name, &entry->names[i], err) < 0)
			return -1;
		if (!symbol->hashed || (symbol->section == SHN_UNDEF && !symbol->value))
			continue;
		struct definition definition = {.object = index, .symbol = (uint32_t)i};
		if (add_definition(session, entry->names[i], definition, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- objects and paths ---- */

static uint64_t file_key(uint64_t device, uint64_t inode)
{
	return inode ^ device * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t find_object(const struct matr_session *session, uint64_t device, uint64_t inode)
{
	uint64_t at;

	if (!matr_map_get(&session->by_file, file_key(device, inode), &at))
		return NO_INDEX;
	for (; at; at = session->objects[at - 1].next) {
		const struct matr_file_id *file = &session->objects[at - 1].object->file;
		if (file->device == device && file->inode == inode)
			return (uint32_t)at - 1;
	}
	return NO_INDEX;
}

static int add_object(struct matr_session *session, struct matr_object *object, uint32_t *index,
		      struct matr_error *err)
{
	if (session->n_objects == session->object_capacity) {
		size_t capacity = session->object_capacity ? session->object_capacity * 2 : 256;
		struct session_object *list = realloc(session->objects, capacity * sizeof *list);
		if (!list) {
			matr_object_free(object);
			return matr_fail_memory(err);
		}
		session->objects = list;
		session->object_capacity = capacity;
	}
	uint64_t key = file_key(object->file.device, object->file.inode), next = 0;
	matr_map_get(&session->by_file, key, &next);
	*index = (uint32_t)session->n_objects;
	session->objects[session->n_objects++] = (struct session_object){
		.object = object,
		.next = (uint32_t)next,
	};
	if (matr_map_set(&session->by_file, key, *index + 1) < 0)
		return matr_fail_memory(err);
	return session->search_only ? 0 : index_symbols(session, *index, err);
}

/* What ld.so passes over when it searches: files for another class or machine, files that it may not read. At
 * anything else that is no library it stops. */
static bool is_passed_over(const char *path, const struct matr_error *failure)
{
	return failure->code == MATR_ERROR_FOREIGN ||
	       (failure->code == MATR_ERROR_SYSTEM && access(path, R_OK) < 0 && errno == EACCES);
}

/* Read what is at path. */
static int read_path(struct matr_session *session, const char *path, struct known_path *out,
		     struct matr_error *err)
{
	struct matr_object *object;
	struct matr_error own;
	struct stat status;

	out->object = NO_INDEX;
	if (stat(path, &status) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : matr_fail_errno(err, path, "cannot be looked at");
	out->is_directory = S_ISDIR(status.st_mode);
	if (out->is_directory)
		return 0;
	out->object = find_object(session, status.st_dev, status.st_ino);
	if (out->object != NO_INDEX)
		return 0;
	int result = session->search_only ? matr_object_open_headers(path, &object, &own)
					  : matr_object_open(path, &object, &own);
	if (result == 0)
		return add_object(session, object, &out->object, err);
	if (is_passed_over(path, &own) || (session->search_only && own.code != MATR_ERROR_MEMORY))
		return 0;
	return matr_fail(err, own.code, own.file, "%s", own.message);
}

int session_path(struct matr_session *session, const char *path, const struct known_path **out,
		 struct matr_error *err)
{
	uint32_t at = intern_find(&session->path_names, path);

	if (at != UINT32_MAX) {
		*out = &session->paths[at];
		return 0;
	}
	if (session->n_paths == session->path_capacity) {
		size_t capacity = session->path_capacity ? session->path_capacity * 2 : 1024;
		struct known_path *list = realloc(session->paths, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		session->paths = list;
		session->path_capacity = capacity;
	}
	struct known_path known = {.path = strdup(path)};
	if (!known.path)
		return matr_fail_memory(err);
	if (read_path(session, path, &known, err) < 0 ||
	    intern_add(&session->path_names, known.path, &at, err) < 0) {
		free(known.path);
		return -1;
	}
	session->paths[session->n_paths] = known;
	*out = &session->paths[session->n_paths++];
	return 0;
}

int session_interpreter(struct matr_session *session, const char *path, const char **out,
			struct matr_error *err)
{
	char real[PATH_MAX];
	struct matr_error why;

	*out = NULL;
	if (!session->interpreter || strcmp(session->interpreter, path) != 0) {
		if (matr_loader_real(path, real, &why) != 0) {
			if (why.code == MATR_ERROR_NOT_FOUND)
				return 0;
			return matr_fail(err, why.code, why.file, "%s", why.message);
		}
		free(session->interpreter);
		free(session->real_interpreter);
		session->interpreter = strdup(path);
		session->real_interpreter = strdup(real);
	}
	if (!session->interpreter || !session->real_interpreter) {
		free(session->interpreter);
		session->interpreter = NULL;
		return matr_fail_memory(err);
	}
	*out = session->real_interpreter;
	return 0;
}

struct matr_object *matr_session_object(struct matr_session *session, const char *path,
					struct matr_error *err)
{
	const struct known_path *known;

	if (session_path(session, path, &known, err) < 0)
		return NULL;
	if (known->object != NO_INDEX)
		return session->objects[known->object].object;
	/* Say what is wrong with it: reading it again gives the reason that the search passes over. */
	struct matr_object *object;
	if (matr_object_open(path, &object, err) == 0) {
		matr_object_free(object);
		matr_fail(err, MATR_ERROR_SYSTEM, path, "changed while it was read");
	}
	return NULL;
}
