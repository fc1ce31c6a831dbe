/* resolve.h - from an application's path to its mapping, as ld.so would do it.
 *
 * A session holds what applications share: each ELF file read once (by device and inode),
 * ld.so.cache, the default directories, and an index from symbol names to the objects that define
 * them. It describes the machine that it is opened on. Use a session in one thread only.
 */
#ifndef MATR_RESOLVE_H
#define MATR_RESOLVE_H

#include <stdbool.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_mapping;
struct matr_session;

struct matr_session_options {
	/* Only find libraries: symbols and relocations are not read, and a library that is not
	 * found is no error. For matr_libraries_find(). */
	bool search_only;
	/* Accept gaps, for matr_check(): a library that is not found leaves a gap in the scope, a
	 * reference without a definition is MATR_PROVIDER_UNDEFINED. */
	bool incomplete;
	/* LD_PRELOAD of the programs; NULL: unset. What is not found is passed over. */
	const char *preload;
};

/* Open a session.
 * options: NULL for the defaults.
 * *out belongs to the caller: matr_session_close().
 * Errors: SYSTEM (ld.so cannot be asked for its directories); MALFORMED, UNSUPPORTED
 * (ld.so.cache); RESOURCES. */
MATR_API int matr_session_open(const struct matr_session_options *options,
			       struct matr_session **out, struct matr_error *err);

/* Version of the ld.so whose rules the session follows: MINOR of glibc 2.MINOR; 0: before 2.33,
 * whose ld.so does not print it. */
MATR_API unsigned matr_session_glibc(const struct matr_session *session);

/* Close a session, and free its objects. NULL is allowed. */
MATR_API void matr_session_close(struct matr_session *session);

/* Resolve the application at `path`: its scope, and the binding of every reference. A strong
 * reference without a definition is MATR_PROVIDER_UNDEFINED if it is bound lazily.
 * *out belongs to the caller: matr_mapping_free(). Its objects belong to the session.
 * Errors: those of matr_object_open(); NOT_FOUND: a library is nowhere (the message names it,
 * and the object that needs it); UNSUPPORTED: MatR declines the file (not an application,
 * DT_FILTER, ...), or ld.so would refuse to start it ("undefined symbol ..."). */
MATR_API int matr_resolve(struct matr_session *session, const char *path, struct matr_mapping **out,
			  struct matr_error *err);

/* As matr_resolve(), for a start with an environment.
 * library_path: LD_LIBRARY_PATH; NULL: unset. */
MATR_API int matr_resolve_with(struct matr_session *session, const char *path,
			       const char *library_path, struct matr_mapping **out,
			       struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
