/* names.h - the names that users give to symbols, objects and programs, and what they mean in a
 * mapping or an epoch.
 *
 * A name that is not found fails with NOT_FOUND and the nearest names (matr/nearest.h).
 */
#ifndef MATR_NAMES_H
#define MATR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_mapping;
struct matr_object;
struct matr_store;
struct matr_symbol;

/* SYMBOL, SYMBOL@VERSION, or SYMBOL@@VERSION as nm writes default versions. SYMBOL@ is the
 * symbol without a version. All zero: no name. */
struct matr_symbol_name {
	char *name;
	char *version;	  /* NULL: none */
	bool any_version; /* there was no '@': the version does not matter */
	/* Of patterns; matr_symbol_pattern_parse(). */
	bool pattern;  /* a glob, or a C++ or Rust name as people write it */
	char *literal; /* text that every matching name has; NULL: unknown */
};

/* Parse a name.
 * *out belongs to the caller: matr_symbol_name_free().
 * Errors: USAGE (the text has no name), RESOURCES. */
MATR_API int matr_symbol_name_parse(const char *text, struct matr_symbol_name *out,
				    struct matr_error *err);
MATR_API void matr_symbol_name_free(struct matr_symbol_name *name);

/* The same for a name that may also be a glob, or a C++ or Rust name as people write it, with or
 * without parameters: `pthread_*`, `std::locale::name`, `ns::f(int)@V1`. A glob that has `::`, a
 * space, `(` or `<` is compared with demangled names, too. */
MATR_API int matr_symbol_pattern_parse(const char *text, struct matr_symbol_name *out,
				       struct matr_error *err);

/* Test whether the text is a glob: it has * or ? or [. */
MATR_API bool matr_is_glob(const char *text);

/* Demangle a C++ or Rust name. The result is the caller's: free(). NULL: it is not mangled. */
MATR_API char *matr_demangle(const char *name);

/* Test whether the name means this symbol of the object, with the version that the symbol carries
 * or asks for. */
MATR_API bool matr_symbol_name_matches(const struct matr_symbol_name *wanted,
				       const struct matr_object *object,
				       const struct matr_symbol *symbol);

/* Find an object of the mapping's scope by its canonical path or the path under which it was found,
 * its soname, the last part of either path, a glob for one of these, or the name of its package.
 * *index receives its scope index.
 * Errors: NOT_FOUND (none), USAGE (several; the message names them). */
MATR_API int matr_mapping_find_object(const struct matr_mapping *mapping, const char *name,
				      uint32_t *index, struct matr_error *err);

/* Test whether the name, or glob, means this object. For objects without a mapping.
 * path: where the object was found; NULL: not known. */
MATR_API bool matr_object_is_called(const struct matr_object *object, const char *path,
				    const char *name);

/* Fail with NOT_FOUND: no object of the scope refers to or defines the symbol. The message has the
 * nearest names or, if the name is right, the versions that there are.
 * Returns -1. */
MATR_API int matr_mapping_no_symbol(const struct matr_mapping *mapping,
				    const struct matr_symbol_name *wanted, struct matr_error *err);

/* Find the epoch's application by its canonical path, by that of the same file (hard links) or, if
 * there is no slash in the name, by the last part of its path. The program need not be on disk any
 * more.
 * Errors: NOT_FOUND (none, or it was declined), USAGE (several), those of matr/store.h. */
MATR_API int matr_store_find_by_name(struct matr_store *store, int64_t epoch, const char *name,
				     int64_t *application, struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
