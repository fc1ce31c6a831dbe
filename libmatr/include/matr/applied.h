/* applied.h - how each relocation of a mapping is applied, by ld-stable or by ld.so.
 *
 * The result is the image compiler's own plan: it is what ld-stable does in a mapped start.
 */
#ifndef MATR_APPLIED_H
#define MATR_APPLIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_closure;
struct matr_mapping;

enum matr_applied {
	MATR_APPLIED_WORD,     /* the mapping writes load address + value */
	MATR_APPLIED_IFUNC,    /* the mapping writes what the resolver returns */
	MATR_APPLIED_COPY,     /* the mapping copies the data */
	MATR_APPLIED_LAZY,     /* bound when first called, as ld.so does it */
	MATR_APPLIED_RESIDUAL, /* left to ld.so: TLS and others */
	MATR_APPLIED_NOTHING,  /* there is nothing to do */
};

struct matr_applied_object {
	bool untouched;	      /* ld.so does all relocations of the object, also relative ones */
	uint8_t *relocations; /* enum matr_applied, parallel to the object's relocations */
	size_t residual;      /* relocations left to ld.so, relative ones included */
};

struct matr_applied_mapping {
	struct matr_applied_object *objects; /* parallel to the scope */
	size_t n_objects;
};

/* Get how the relocations of a mapping are applied.
 * *out belongs to the caller: matr_applied_free().
 * Errors: RESOURCES. */
MATR_API int matr_applied(const struct matr_mapping *mapping, struct matr_applied_mapping **out,
			  struct matr_error *err);

/* Get the same for one of an application's closures: for the relocations of its new objects (from
 * n_start on).
 * closures: all of the application. which: index of the closure.
 * *out belongs to the caller: matr_applied_free().
 * Errors: RESOURCES. */
MATR_API int matr_applied_closure(const struct matr_closure *closures, size_t n_closures,
				  size_t which, struct matr_applied_mapping **out,
				  struct matr_error *err);
MATR_API void matr_applied_free(struct matr_applied_mapping *applied);

/* Get the name: "word", "ifunc", "copy", "lazy", "residual", "nothing". */
MATR_API const char *matr_applied_name(enum matr_applied applied);

#ifdef __cplusplus
}
#endif

#endif
