/* session.h - what applications share while an epoch is made. */
#ifndef MATR_SESSION_H
#define MATR_SESSION_H

#include <pthread.h>

#include <matr/resolve.h>

#include "base/intern.h"
#include "base/map.h"
#include "resolve/ld_so_cache.h"
#include "resolve/preload.h"
#include "resolve/symbol_index.h"
#include "resolve/system_paths.h"

#define NO_INDEX UINT32_MAX

struct session_object {
	struct matr_object *object;
	bool borrowed;	 /* the store's, see session_know() */
	bool many_names; /* found by several paths */
	uint32_t next;	 /* the next object with the same map key + 1; 0: last */
};

struct known_path { /* what a path led to */
	char *path;
	uint32_t object; /* session object index, NO_INDEX: no usable ELF file there */
	bool is_directory;
	struct matr_file_id file;   /* all zero: there is nothing */
	struct matr_error *failure; /* why what is there ends a search; NULL: it does not */
};

struct real_interpreter {
	char *path, *real;
	struct real_interpreter *next;
};

/* For the files of resolve/ only; others use the functions below.
 *
 * Scopes may be made in several threads at once: session_path() takes the lock, what it gives stays
 * where it is, and nothing else of the session changes meanwhile. Bindings are looked up when all
 * scopes are made. */
struct matr_session {
	/* Only scopes are asked for, and as much of them as there is: a library that is not found
	 * leaves a gap (NO_INDEX among the dependencies), symbols and relocations are not read. */
	bool search_only;
	bool incomplete;      /* matr_session_options's */
	pthread_mutex_t lock; /* for paths, objects and the index */
	struct ld_so_cache cache;
	struct system_paths system;
	struct preload preload;

	struct real_interpreter *interpreters; /* session_interpreter()'s answers */

	struct session_object *objects; /* MAX_SESSION_OBJECTS, so that they stay where they are */
	size_t n_objects;
	struct map by_file; /* device and inode -> object index + 1 */

	/* Objects as the store has them, which need not be read where the file is still the
	 * same. */
	struct known_object {
		struct matr_object *object;
		bool current; /* its file was compared just now */
	} * known;
	size_t n_known;
	struct map known_by_file; /* device and inode -> index into known */
	int64_t trusted;	  /* file_id_unchanged() */

	struct known_path **paths;
	size_t n_paths, path_capacity;
	struct intern path_names; /* path -> index into paths */

	struct symbol_index index; /* by session object index */
};

/* Take over what is known from an earlier epoch: objects without symbols and relocations, at least
 * until session_index(). They remain the caller's. At most once, before any path is asked for.
 * current: which of them were compared with their files just now, so that these may be young. */
int session_know(struct matr_session *session, struct matr_object *const *objects,
		 const bool *current, size_t n, int64_t trusted, struct matr_error *err);

/* Enter the symbols of a known object, which is complete now, in the index. */
int session_index(struct matr_session *session, uint32_t object, struct matr_error *err);

/* Objects that several paths led to get the first of their canonical paths in the alphabet, so that
 * it does not depend on who came first. To be called when all scopes are made. */
int session_finish_names(struct matr_session *session, struct matr_error *err);

/* Look up a path, once per session: a session object, a directory, or nothing that ld.so would
 * accept. -1 only for failures that end the search (a malformed file of the right kind, no
 * memory). */
int session_path(struct matr_session *session, const char *path, const struct known_path **out,
		 struct matr_error *err);

/* The real dynamic linker's canonical path behind a PT_INTERP (matr/loader.h), which belongs to the
 * session; NULL: there is none. */
int session_interpreter(struct matr_session *session, const char *path, const char **out,
			struct matr_error *err);

/* Read the ELF file at `path`, at most once in a session. The object belongs to the session.
 * NULL: errors of matr_object_open(). */
struct matr_object *session_open_object(struct matr_session *session, const char *path,
					struct matr_error *err);

/* ---- content of the session so far ---- */

/* Number of objects; session object indices are 0 .. n - 1. */
size_t session_object_count(const struct matr_session *session);
struct matr_object *session_object(const struct matr_session *session, uint32_t index);
/* Test whether the object comes from an earlier epoch, by session_know(). */
bool session_object_is_known(const struct matr_session *session, uint32_t index);

/* Every path that session_path() was asked for, in no particular order. */
size_t session_path_count(const struct matr_session *session);
const struct known_path *session_path_at(const struct matr_session *session, size_t i);

/* Every PT_INTERP that session_interpreter() was asked for, as a list; NULL: none. */
const struct real_interpreter *session_interpreters(const struct matr_session *session);

const struct ld_so_cache *session_cache(const struct matr_session *session);

/* /etc/ld.so.preload as it was read. All 0: it is empty, or not there. */
struct matr_file_id session_preload(const struct matr_session *session);

/* The glibc-hwcaps level that the session resolves for, this CPU's: "x86-64-v3"; "": the
 * baseline. */
const char *session_cpu_level(const struct matr_session *session);

#endif
