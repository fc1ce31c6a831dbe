/* resolve.h - from an application's path to its mapping, as ld.so would do it.
 *
 * A `struct matr_session` holds what applications share while an epoch is made: each ELF file read
 * once (by device and inode), ld.so.cache, the default directories, and an index from symbol name
 * to the objects that define it. Not thread-safe, save where
 * libmatr itself uses it so: one per thread.
 */
#ifndef MATR_RESOLVE_H
#define MATR_RESOLVE_H

#include <stdbool.h>

#include <matr/object.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_closure;
struct matr_mapping;

struct matr_session;

struct matr_session_options {
	const char *root;      /* file tree the paths are in; NULL or "": this machine. Reserved for
	                          --root:      a session with another root is refused for now */
	const char *cpu_level; /* highest glibc-hwcaps level, e.g. "x86-64-v3"; NULL: this CPU's */
	/* Only find libraries: symbols and relocations are not read, and a library that is not found is
	 * no error. For matr_libraries_find(). */
	bool search_only;
};

/* *out belongs to the caller: matr_session_close(). options may be NULL. */
MATR_API int matr_session_open(const struct matr_session_options *options,
			       struct matr_session **out, struct matr_error *err);
MATR_API void matr_session_close(struct matr_session *session);

/* The object for the ELF file at path, read at most once per session. Not owned by the caller. */
MATR_API struct matr_object *matr_session_object(struct matr_session *session, const char *path,
						 struct matr_error *err);

/* Resolve the application at `path`: scope, then every binding. *out belongs to the caller
 * (matr_mapping_free), its objects to the session. Errors: what matr_object_open() reports;
 * NOT_FOUND (a library that is nowhere: the message names it and who needs it); UNSUPPORTED (what
 * MatR declines: not an application, DT_FILTER, ...; the message says which). A strong reference
 * that nothing defines is no error here if it is bound lazily (MATR_PROVIDER_UNDEFINED), else
 * UNSUPPORTED "undefined symbol ...", as ld.so would refuse to start the program. */
MATR_API int matr_resolve(struct matr_session *session, const char *path, struct matr_mapping **out,
			  struct matr_error *err);

/* Resolve what dlopen() of the library at `root` (absolute: what ld.so has as l_name) brings into the process of the
 * application at `path`. out->mapping belongs to the caller (matr_mapping_free), its objects to the session; NULL: nothing,
 * the application has it from the start. Errors as of matr_resolve(). */
MATR_API int matr_resolve_closure(struct matr_session *session, const char *path, const char *root,
				  struct matr_closure *out, struct matr_error *err);

/* /etc/ld.so.preload as it was read; all 0 where it is empty or not there. */
MATR_API struct matr_file_id matr_session_preload(const struct matr_session *session);

/* "x86-64-v3": the glibc-hwcaps level the session resolves for; "" for the baseline. */
MATR_API const char *matr_session_cpu_level(const struct matr_session *session);

#ifdef __cplusplus
}
#endif

#endif
