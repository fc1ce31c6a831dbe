/* exposure.h - the programs of an epoch that bind to a symbol or a library, and their objects that
 * do.
 *
 * The bindings of an object are a vector that many programs share (docs/store.md): each vector is
 * read once.
 */
#ifndef MATR_EXPOSURE_H
#define MATR_EXPOSURE_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_store;
struct matr_symbol_name;

struct matr_exposed {
	char *program, *requester; /* canonical paths; equal if the program itself binds to it */
	char *loaded; /* library whose dlopen() brings the requester in; NULL: there at the start */
};

struct matr_exposure {
	struct matr_exposed *list; /* by program */
	size_t n;
	size_t n_programs; /* different ones in the list */
	char **loading; /* programs with a provider in their scope and no binding to it; by path */
	size_t n_loading;
};

/* List the objects that bind to `symbol`, to any symbol of `library`, or to `symbol` of `library`.
 * Either may be NULL. An object's bindings to itself do not count. If no object binds to the
 * symbol, the list is empty.
 * symbol: its version is the one asked for, or that of the definition. library: soname, file name,
 * path, a glob for one of these, or the name of a package.
 * *out belongs to the caller: matr_exposure_free().
 * Errors: NOT_FOUND (no object of the epoch has that name, or a symbol of that name), those of
 * matr/store.h. */
MATR_API int matr_exposure(struct matr_store *store, int64_t epoch,
			   const struct matr_symbol_name *symbol, const char *library,
			   struct matr_exposure *out, struct matr_error *err);
MATR_API void matr_exposure_free(struct matr_exposure *exposure);

#ifdef __cplusplus
}
#endif

#endif
