/* exposure.h - which programs of an epoch bind to a symbol or a library, and by which of their objects.
 *
 * How an object binds is a vector that many programs share (docs/store.md): each is looked at once.
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
	char *program, *requester; /* canonical paths; the same: the program itself binds to it */
	char *loaded; /* the library whose dlopen() brings the requester in, as recorded; NULL: there from
			 the start */
};

struct matr_exposure {
	struct matr_exposed *list; /* by program */
	size_t n;
	size_t n_programs; /* different ones in the list */
	char **loading; /* programs that have a provider in their scope, and nothing that binds to it; by path */
	size_t n_loading;
};

/* Who binds to the symbol, in whatever library (symbol, library NULL), to anything of the library (symbol NULL), or to that
 * symbol of that library. The version of a symbol is the one asked for or that of what it is bound to. What an object has of
 * itself does not count. library: soname, file name or path. *out: matr_exposure_free(). NOT_FOUND: no object of the epoch
 * is called so, or has a symbol of that name; a symbol that nobody binds to is no error. */
MATR_API int matr_exposure(struct matr_store *store, int64_t epoch,
			   const struct matr_symbol_name *symbol, const char *library,
			   struct matr_exposure *out, struct matr_error *err);
MATR_API void matr_exposure_free(struct matr_exposure *exposure);

#ifdef __cplusplus
}
#endif

#endif
