/* names.h - what people call symbols, objects and programs, and what that is in a mapping or an epoch.
 *
 * Whatever is not found fails with NOT_FOUND and the nearest names (matr/nearest.h).
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

/* SYMBOL, SYMBOL@VERSION, or SYMBOL@@VERSION as nm writes default versions. SYMBOL@ means the symbol without a version.
 * All zero: no name. */
struct matr_symbol_name {
	char *name;
	char *version;	  /* NULL: none */
	bool any_version; /* there was no '@': the version does not matter */
};

/* *out: matr_symbol_name_free(). USAGE: there is no name in it; MEMORY. */
MATR_API int matr_symbol_name_parse(const char *text, struct matr_symbol_name *out,
				    struct matr_error *err);
MATR_API void matr_symbol_name_free(struct matr_symbol_name *name);

/* Is it this symbol of the object, with the version that it carries or asks for? */
MATR_API bool matr_symbol_name_matches(const struct matr_symbol_name *wanted,
				       const struct matr_object *object,
				       const struct matr_symbol *symbol);

/* The object of the mapping's scope that is called so: its canonical path or that under which it was found, its soname, or
 * the last part of either path. *index receives its scope index. NOT_FOUND: none, USAGE: several (the message names
 * them). */
MATR_API int matr_mapping_find_object(const struct matr_mapping *mapping, const char *name,
				      uint32_t *index, struct matr_error *err);

/* Is the object (as found at `path`; NULL: not known) called so? For whoever goes through objects without a mapping. */
MATR_API bool matr_object_is_called(const struct matr_object *object, const char *path,
				    const char *name);

/* Fail with NOT_FOUND: no object of the scope refers to or defines a symbol of that name. The message says which names are
 * near, or, where the name is right, which versions there are. */
MATR_API int matr_mapping_no_symbol(const struct matr_mapping *mapping,
				    const struct matr_symbol_name *wanted, struct matr_error *err);

/* The epoch's application that is called so: its canonical path, that of the same file (hard links), or, where there is no
 * slash in the name, the last part of its path if there is only one of that name. To be asked for what is not on disk or
 * not on PATH any more. NOT_FOUND: none, or it was declined; USAGE: several. */
MATR_API int matr_store_find_by_name(struct matr_store *store, int64_t epoch, const char *name,
				     int64_t *application, struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
