/* session.c - each file read once, each symbol name compared once.
 *
 * Objects are identified by device and inode, as in ld.so; paths lead to them. The symbols that
 * lookups can find are entered in one index (symbol_index.h).
 */
#include "resolve/session.h"

#include <matr/loader.h>

#include <errno.h>
#include <libelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file_id.h"
#include "base/process_path.h"
#include "elf/reader.h"
#include "loader/place.h"

static const char cache_path[] = "/etc/ld.so.cache";

/* The array of objects has this size from the start, since pointers into it are read while it
 * grows. The kernel provides memory only for the pages in use. */
enum { MAX_SESSION_OBJECTS = 1 << 20 };

int matr_session_open(const struct matr_session_options *options, struct matr_session **out,
		      struct matr_error *err)
{
	struct matr_session *session = calloc(1, sizeof *session);
	if (!session)
		return matr_fail_memory(err);
	session->search_only = options && options->search_only;
	session->incomplete = options && options->incomplete;
	pthread_mutex_init(&session->lock, NULL);
	elf_version(EV_CURRENT); /* not something that threads should do at once */
	session->objects = calloc(MAX_SESSION_OBJECTS, sizeof *session->objects);
	if (!session->objects) {
		matr_session_close(session);
		return matr_fail_memory(err);
	}
	if (system_paths_open(MATR_SYSTEM_LOADER, &session->system, err) < 0 ||
	    ld_so_cache_open(cache_path, &session->cache, err) < 0 ||
	    preload_read(options ? options->preload : NULL, &session->preload, err) < 0) {
		matr_session_close(session);
		return -1;
	}
	*out = session;
	return 0;
}

unsigned matr_session_glibc(const struct matr_session *session)
{
	return session->system.glibc;
}

void matr_session_close(struct matr_session *session)
{
	if (!session)
		return;
	system_paths_close(&session->system);
	ld_so_cache_close(&session->cache);
	preload_free(&session->preload);
	for (struct real_interpreter *at = session->interpreters, *next; at; at = next) {
		next = at->next;
		free(at->path);
		free(at->real);
		free(at);
	}
	symbol_index_free(&session->index);
	for (size_t i = 0; i < session->n_objects; i++)
		if (!session->objects[i].borrowed)
			matr_object_free(session->objects[i].object);
	free(session->objects);
	map_free(&session->by_file);
	free(session->known);
	map_free(&session->known_by_file);
	for (size_t i = 0; i < session->n_paths; i++) {
		free(session->paths[i]->path);
		free(session->paths[i]->failure);
		free(session->paths[i]);
	}
	free(session->paths);
	intern_free(&session->path_names);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

struct matr_file_id session_preload(const struct matr_session *session)
{
	return session->preload.file;
}

const char *session_cpu_level(const struct matr_session *session)
{
	return session->system.levels[0] ? session->system.levels[0] : "";
}

/* ---- objects and paths ---- */

static uint64_t file_key(uint64_t device, uint64_t inode)
{
	return inode ^ device * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t find_object(const struct matr_session *session, uint64_t device, uint64_t inode)
{
	uint64_t at;

	if (!map_get(&session->by_file, file_key(device, inode), &at))
		return NO_INDEX;
	for (; at; at = session->objects[at - 1].next) {
		const struct matr_file_id *file = &session->objects[at - 1].object->file;
		if (file->device == device && file->inode == inode)
			return (uint32_t)at - 1;
	}
	return NO_INDEX;
}

/* With the lock held. Takes over the object, unless it is borrowed. */
static int add_object(struct matr_session *session, struct matr_object *object, bool borrowed,
		      uint32_t *index, struct matr_error *err)
{
	if (session->n_objects == MAX_SESSION_OBJECTS) {
		matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path, "more than %d objects",
			  MAX_SESSION_OBJECTS);
		if (!borrowed)
			matr_object_free(object);
		return -1;
	}
	uint64_t key = file_key(object->file.device, object->file.inode), next = 0;
	map_get(&session->by_file, key, &next);
	*index = (uint32_t)session->n_objects;
	session->objects[session->n_objects++] = (struct session_object){
		.object = object,
		.borrowed = borrowed,
		.next = (uint32_t)next,
	};
	if (map_set(&session->by_file, key, *index + 1) < 0)
		return matr_fail_memory(err);
	return borrowed || session->search_only
		       ? 0
		       : symbol_index_add(&session->index, *index, object, err);
}

size_t session_object_count(const struct matr_session *session)
{
	return session->n_objects;
}

struct matr_object *session_object(const struct matr_session *session, uint32_t index)
{
	return session->objects[index].object;
}

bool session_object_is_known(const struct matr_session *session, uint32_t index)
{
	return session->objects[index].borrowed;
}

size_t session_path_count(const struct matr_session *session)
{
	return session->n_paths;
}

const struct known_path *session_path_at(const struct matr_session *session, size_t i)
{
	return session->paths[i];
}

const struct real_interpreter *session_interpreters(const struct matr_session *session)
{
	return session->interpreters;
}

const struct ld_so_cache *session_cache(const struct matr_session *session)
{
	return &session->cache;
}

int session_index(struct matr_session *session, uint32_t object, struct matr_error *err)
{
	if (symbol_index_has(&session->index, object))
		return 0;
	return symbol_index_add(&session->index, object, session->objects[object].object, err);
}

int session_know(struct matr_session *session, struct matr_object *const *objects,
		 const bool *current, size_t n, int64_t trusted, struct matr_error *err)
{
	session->known = calloc(n + 1, sizeof *session->known);
	if (!session->known)
		return matr_fail_memory(err);
	session->trusted = trusted;
	for (size_t i = 0; i < n; i++) {
		const struct matr_file_id *file = &objects[i]->file;
		session->known[session->n_known++] = (struct known_object){objects[i], current[i]};
		if (map_set(&session->known_by_file, file_key(file->device, file->inode), i) != 0)
			return matr_fail_memory(err);
	}
	return 0;
}

/* An object from the store that is this file still, and at the canonical path it had. */
static struct matr_object *find_known(const struct matr_session *session,
				      const struct matr_file_id *file)
{
	char canonical[PATH_MAX];
	struct stat status;
	uint64_t at;

	if (!map_get(&session->known_by_file, file_key(file->device, file->inode), &at))
		return NULL;
	const struct known_object *known = &session->known[at];
	struct matr_object *object = known->object;
	if (!file_id_unchanged(&object->file, file,
			       known->current ? INT64_MAX : session->trusted) ||
	    !realpath(object->path, canonical) || strcmp(canonical, object->path) != 0 ||
	    stat(canonical, &status) != 0 || !file_id_same_inode(file, &status))
		return NULL;
	return object;
}

static int read_object(const struct matr_session *session, const char *path,
		       struct matr_object **out, struct matr_error *err)
{
	return session->search_only ? elf_object_open_headers(path, out, err)
				    : matr_object_open(path, out, err);
}

/* Files that ld.so skips in a search: those for another class or machine, and those that it may
 * not read. Any other file that is no library ends the search. */
static bool is_passed_over(const char *path, const struct matr_error *failure)
{
	return failure->code == MATR_ERROR_FOREIGN ||
	       (failure->code == MATR_ERROR_SYSTEM && access(path, R_OK) < 0 && errno == EACCES);
}

/* The object for a file, which may be there already, may be known, or has to be read. The lock
 * is not held while it is read; where another thread was faster, its object counts. *failure:
 * why it cannot be had. */
static int find_or_read(struct matr_session *session, struct known_path *path,
			struct matr_error *failure, struct matr_error *err)
{
	pthread_mutex_lock(&session->lock);
	path->object = find_object(session, path->file.device, path->file.inode);
	pthread_mutex_unlock(&session->lock);
	if (path->object != NO_INDEX)
		return 0;
	struct matr_object *object = find_known(session, &path->file);
	bool borrowed = object != NULL;
	if (!borrowed && read_object(session, path->path, &object, failure) != 0)
		return failure->code == MATR_ERROR_RESOURCES ? matr_error_copy(err, failure) : 0;
	path->file = object->file; /* what was read is what counts */
	pthread_mutex_lock(&session->lock);
	int result = 0;
	path->object = find_object(session, object->file.device, object->file.inode);
	if (path->object == NO_INDEX)
		result = add_object(session, object, borrowed, &path->object, err);
	else if (!borrowed)
		matr_object_free(object);
	pthread_mutex_unlock(&session->lock);
	return result;
}

/* A search that comes here ends with this. */
static int keep_failure(struct known_path *path, const struct matr_error *failure,
			struct matr_error *err)
{
	path->failure = malloc(sizeof *path->failure);
	if (!path->failure)
		return matr_fail_memory(err);
	*path->failure = *failure;
	return 0;
}

static bool is_question_for_directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && strcmp(slash, "/.") == 0;
}

/* Test whether the error means that there is nothing for ld.so. A directory may be unreachable for
 * more reasons than a file. At these the search for a file would stop. */
static bool is_absent(const char *path, int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES ||
	       ((error == ELOOP || error == ENAMETOOLONG) && is_question_for_directory(path));
}

/* Find out what is at path->path. */
static int look_at_path(struct matr_session *session, struct known_path *path,
			struct matr_error *err)
{
	struct matr_error failure = {0};
	struct stat status;

	path->object = NO_INDEX;
	if (!session->search_only && path_depends_on_process(path->path)) {
		matr_fail(&failure, MATR_ERROR_UNSUPPORTED, path->path,
			  "leads through procfs, to what depends on the process");
		return keep_failure(path, &failure, err);
	}
	if (stat(path->path, &status) < 0) {
		if (is_absent(path->path, errno))
			return 0;
		matr_fail_errno(&failure, path->path, "cannot be looked at");
		return keep_failure(path, &failure, err);
	}
	path->file = file_id_of(&status);
	path->is_directory = S_ISDIR(status.st_mode);
	if (path->is_directory)
		return 0;
	if (find_or_read(session, path, &failure, err) < 0)
		return -1;
	if (failure.code == MATR_OK || session->search_only || is_passed_over(path->path, &failure))
		return 0;
	return keep_failure(path, &failure, err);
}

static void free_path(struct known_path *path)
{
	free(path->failure);
	free(path->path);
	free(path);
}

/* With the lock held. The path becomes the session's; another thread may have been faster, then
 * its stays. */
static int add_path(struct matr_session *session, struct known_path *path,
		    const struct known_path **out, struct matr_error *err)
{
	uint32_t at = intern_find(&session->path_names, path->path);

	if (at == UINT32_MAX &&
	    array_reserve(&session->paths, &session->path_capacity, session->n_paths + 1,
			  sizeof(struct known_path *), err) != 0) {
		free_path(path);
		return -1;
	}
	if (at != UINT32_MAX) {
		free_path(path);
		*out = session->paths[at];
		return 0;
	}
	if (intern_add(&session->path_names, path->path, &at, err) < 0) {
		free_path(path);
		return -1;
	}
	if (path->object != NO_INDEX && session->objects[path->object].object->path &&
	    strcmp(session->objects[path->object].object->path, path->path) != 0)
		session->objects[path->object].many_names = true;
	session->paths[session->n_paths++] = path;
	*out = path;
	return 0;
}

static int outcome(const struct known_path *path, struct matr_error *err)
{
	return path->failure ? matr_error_copy(err, path->failure) : 0;
}

int session_path(struct matr_session *session, const char *path, const struct known_path **out,
		 struct matr_error *err)
{
	pthread_mutex_lock(&session->lock);
	uint32_t at = intern_find(&session->path_names, path);
	if (at != UINT32_MAX)
		*out = session->paths[at];
	pthread_mutex_unlock(&session->lock);
	if (at != UINT32_MAX)
		return outcome(*out, err);
	struct known_path *fresh = calloc(1, sizeof *fresh);
	if (fresh)
		fresh->path = strdup(path);
	if (!fresh || !fresh->path) {
		free(fresh);
		return matr_fail_memory(err);
	}
	if (look_at_path(session, fresh, err) < 0) {
		free_path(fresh);
		return -1;
	}
	pthread_mutex_lock(&session->lock);
	int result = add_path(session, fresh, out, err);
	pthread_mutex_unlock(&session->lock);
	return result < 0 ? -1 : outcome(*out, err);
}

int session_finish_names(struct matr_session *session, struct matr_error *err)
{
	char canonical[PATH_MAX];

	for (size_t i = 0; i < session->n_paths; i++) {
		const struct known_path *path = session->paths[i];
		if (path->object == NO_INDEX)
			continue;
		const struct session_object *entry = &session->objects[path->object];
		if (entry->borrowed || !entry->many_names || !realpath(path->path, canonical) ||
		    strcmp(canonical, entry->object->path) >= 0)
			continue;
		char *copy = strdup(canonical);
		if (!copy)
			return matr_fail_memory(err);
		free(entry->object->path);
		entry->object->path = copy;
	}
	return 0;
}

/* With the lock held. There is one interpreter, or a few: a list will do. */
static const char *look_up_interpreter(const struct matr_session *session, const char *path)
{
	for (const struct real_interpreter *at = session->interpreters; at; at = at->next)
		if (strcmp(at->path, path) == 0)
			return at->real;
	return NULL;
}

static const char *find_interpreter(struct matr_session *session, const char *path)
{
	pthread_mutex_lock(&session->lock);
	const char *real = look_up_interpreter(session, path);
	pthread_mutex_unlock(&session->lock);
	return real;
}

static void free_interpreter(struct real_interpreter *interpreter)
{
	free(interpreter->path);
	free(interpreter->real);
	free(interpreter);
}

/* Unless another thread was faster. */
static int add_interpreter(struct matr_session *session, const char *path, const char *real,
			   struct matr_error *err)
{
	struct real_interpreter *added = malloc(sizeof *added);

	if (!added)
		return matr_fail_memory(err);
	*added = (struct real_interpreter){.path = strdup(path), .real = strdup(real)};
	if (!added->path || !added->real) {
		free_interpreter(added);
		return matr_fail_memory(err);
	}
	pthread_mutex_lock(&session->lock);
	bool there = look_up_interpreter(session, path) != NULL;
	if (!there) {
		added->next = session->interpreters;
		session->interpreters = added;
	}
	pthread_mutex_unlock(&session->lock);
	if (there)
		free_interpreter(added);
	return 0;
}

int session_interpreter(struct matr_session *session, const char *path, const char **out,
			struct matr_error *err)
{
	char real[PATH_MAX];
	struct matr_error why;

	*out = find_interpreter(session, path);
	if (*out)
		return 0;
	if (loader_real(path, real, &why) != 0) {
		if (why.code == MATR_ERROR_NOT_FOUND)
			return 0;
		return matr_error_copy(err, &why);
	}
	if (add_interpreter(session, path, real, err) != 0)
		return -1;
	*out = find_interpreter(session, path);
	return 0;
}

struct matr_object *session_open_object(struct matr_session *session, const char *path,
					struct matr_error *err)
{
	const struct known_path *known;

	if (session_path(session, path, &known, err) < 0)
		return NULL;
	if (known->object != NO_INDEX)
		return session->objects[known->object].object;
	/* Report the fault of the file: reading it again gives the reason that the search passes
	 * over. */
	struct matr_object *object;
	if (matr_object_open(path, &object, err) == 0) {
		matr_object_free(object);
		matr_fail(err, MATR_ERROR_SYSTEM, path, "changed while it was read");
	}
	return NULL;
}
