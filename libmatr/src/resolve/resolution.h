/* resolution.h - resolving in two steps: first the scopes of many applications, then their
 * bindings.
 *
 * Scopes follow from headers and the file system alone, and adding objects to the session; bindings
 * take every symbol, but only read the session. In between is where an application is recognised
 * whose scope is what it was in an earlier epoch, so that its bindings are too. Each step may run
 * in several threads, for different applications; no binding is looked up while scopes are made.
 */
#ifndef MATR_RESOLUTION_H
#define MATR_RESOLUTION_H

#include "resolve/scope.h"

struct resolution {
	struct scope scope;
	struct matr_directory *directories; /* as in struct matr_mapping */
	size_t n_directories;
	char *library_path; /* LD_LIBRARY_PATH it is for; NULL: none */
	uint32_t n_start;   /* entries of the application's start; the rest is a closure's */
	uint32_t first;	    /* the first entry that bindings are wanted of */
};

/* The scope of the application at `path`, made with `options`. To be freed also after an error.
 * Errors: those of matr_resolve(). */
int resolution_make(struct matr_session *session, const char *path,
		    const struct scope_options *options, struct resolution *out,
		    struct matr_error *err);

/* Test whether dlopen() of the root adds anything. */
static inline bool resolution_adds(const struct resolution *resolution)
{
	return resolution->scope.n > resolution->n_start;
}

/* Its bindings. Every object of the scope must be in the index (session_index()). The scope goes to
 * the mapping, which belongs to the caller; the resolution is to be freed all the same. */
int resolution_bind(const struct matr_session *session, struct resolution *resolution,
		    struct matr_mapping **out, struct matr_error *err);

void resolution_free(struct resolution *resolution);

#endif
