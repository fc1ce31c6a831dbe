/* session.h - what applications share while an epoch is made, private to libmatr. */
#ifndef MATR_SESSION_H
#define MATR_SESSION_H

#include <matr/resolve.h>

#include "intern.h"
#include "ld_so_cache.h"
#include "map.h"
#include "system_paths.h"

#define NO_INDEX UINT32_MAX

struct definition {	 /* one symbol that lookups can find; chained by name */
	uint32_t object; /* session object index */
	uint32_t symbol;
	uint32_t next; /* index into definitions + 1; 0: last */
};

struct session_object {
	struct matr_object *object;
	uint32_t *names; /* interned name of each symbol */
	uint32_t next;	 /* the next object with the same map key + 1; 0: last */
};

struct known_path { /* what a path led to */
	char *path;
	uint32_t object; /* session object index, NO_INDEX: no usable ELF file there */
	bool is_directory;
};

struct matr_session {
	/* Only scopes are asked for, and as much of them as there is: a library that is not found leaves
	 * a gap (NO_INDEX among the dependencies), symbols and relocations are not read. */
	bool search_only;
	struct ld_so_cache cache;
	struct system_paths system;
	char **preload; /* names from /etc/ld.so.preload */
	size_t n_preload;
	struct matr_file_id preload_file;

	char *interpreter, *real_interpreter; /* session_interpreter()'s last answer */

	struct session_object *objects;
	size_t n_objects, object_capacity;
	struct matr_map by_file; /* device and inode -> object index + 1 */

	struct known_path *paths;
	size_t n_paths, path_capacity;
	struct intern path_names; /* path -> index into paths */

	struct intern names;	/* symbol names */
	uint32_t *first, *last; /* by name id: index into definitions + 1 */
	size_t name_capacity;
	struct definition *definitions;
	size_t n_definitions, definition_capacity;
};

/* A session for scopes only (search_only). matr_session_close(). */
int session_open_for_search(struct matr_session **out, struct matr_error *err);

/* The dynamic linker of programs that name none. */
extern const char session_default_interpreter[];

/* What is at the path: a session object, a directory, or nothing that ld.so would take. Asked once per
 * session. -1 only for failures that end the search (a malformed file of the right kind, no memory). */
int session_path(struct matr_session *session, const char *path, const struct known_path **out,
		 struct matr_error *err);

/* The real dynamic linker's canonical path behind a PT_INTERP (matr/loader.h), which belongs to the session; NULL: there
 * is none. */
int session_interpreter(struct matr_session *session, const char *path, const char **out,
			struct matr_error *err);

#endif
