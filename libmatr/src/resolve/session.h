/* session.h - what applications share while an epoch is made, private to libmatr. */
#ifndef MATR_SESSION_H
#define MATR_SESSION_H

#include <pthread.h>

#include <matr/resolve.h>

#include "base/intern.h"
#include "base/map.h"
#include "resolve/ld_so_cache.h"
#include "resolve/system_paths.h"

#define NO_INDEX UINT32_MAX

struct definition {	 /* one symbol that lookups can find; chained by name */
	uint32_t object; /* session object index */
	uint32_t symbol;
	uint32_t next; /* index into definitions + 1; 0: last */
};

struct session_object {
	struct matr_object *object;
	uint32_t *names; /* interned name of each symbol; NULL: not in the index yet */
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

/* Scopes may be made in several threads at once: session_path() takes the lock, what it gives stays where it is,
 * and nothing else of the session changes meanwhile. Bindings are looked up when all scopes are made. */
struct matr_session {
	/* Only scopes are asked for, and as much of them as there is: a library that is not found leaves
	 * a gap (NO_INDEX among the dependencies), symbols and relocations are not read. */
	bool search_only;
	pthread_mutex_t lock; /* for paths, objects and the index */
	struct ld_so_cache cache;
	struct system_paths system;
	char **preload; /* names from /etc/ld.so.preload */
	size_t n_preload;
	struct matr_file_id preload_file;

	struct real_interpreter *interpreters; /* session_interpreter()'s answers */

	struct session_object *objects; /* MAX_SESSION_OBJECTS, so that they stay where they are */
	size_t n_objects;
	struct matr_map by_file; /* device and inode -> object index + 1 */

	/* Objects as the store has them, which need not be read where the file is still the same. */
	struct matr_object **known;
	size_t n_known;
	struct matr_map known_by_file; /* device and inode -> index into known */
	int64_t trusted;	       /* file_id_unchanged() */

	struct known_path **paths;
	size_t n_paths, path_capacity;
	struct intern path_names; /* path -> index into paths */

	struct intern names;	/* symbol names */
	uint32_t *first, *last; /* by name id: index into definitions + 1 */
	size_t name_capacity;
	struct definition *definitions;
	size_t n_definitions, definition_capacity;
};

/* A session that has these objects under the same indices, with all their symbols, and looks at no file. They remain the
 * caller's. matr_session_close(). */
int session_of_objects(struct matr_object **objects, size_t n, struct matr_session **out,
		       struct matr_error *err);

/* The dynamic linker of programs that name none. */
extern const char session_default_interpreter[];

/* Take over what is known from an earlier epoch: objects without symbols and relocations, at least until
 * session_index(). They remain the caller's. At most once, before any path is asked for. */
int session_know(struct matr_session *session, struct matr_object **objects, size_t n,
		 int64_t trusted, struct matr_error *err);

/* Enter the symbols of a known object, which is complete now, in the index. */
int session_index(struct matr_session *session, uint32_t object, struct matr_error *err);

/* Objects that several paths led to get the first of their canonical paths in the alphabet, so that it does not
 * depend on who came first. To be called when all scopes are made. */
int session_settle_names(struct matr_session *session, struct matr_error *err);

/* What is at the path: a session object, a directory, or nothing that ld.so would take. Asked once per
 * session. -1 only for failures that end the search (a malformed file of the right kind, no memory). */
int session_path(struct matr_session *session, const char *path, const struct known_path **out,
		 struct matr_error *err);

/* The real dynamic linker's canonical path behind a PT_INTERP (matr/loader.h), which belongs to the session; NULL: there
 * is none. */
int session_interpreter(struct matr_session *session, const char *path, const char **out,
			struct matr_error *err);

#endif
