/* diff.h - the differences between two mappings: of one program in two epochs, or of two programs.
 *
 * Two objects are the same if their canonical paths are equal, or else their sonames. The
 * applications are always compared with each other. A binding is identified by requester, symbol
 * and version. If its provider is the same object at another path, the binding is unchanged.
 */
#ifndef MATR_DIFF_H
#define MATR_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_edited_binding;
struct matr_mapping;

enum matr_change {
	MATR_CHANGE_ADDED,
	MATR_CHANGE_REMOVED,
	MATR_CHANGE_MOVED,    /* a binding: to another provider; an object: to another path */
	MATR_CHANGE_REPLACED, /* an object: another file at the same path */
	MATR_CHANGES,
};

struct matr_object_change {
	enum matr_change change;
	const char *before, *after;	 /* canonical paths; NULL: not there */
	int64_t edit_before, edit_after; /* the edit that brings it into the scope; 0: none does */
};

struct matr_binding_change {
	enum matr_change change;
	const char *requester;	      /* canonical path, the one after where there are two */
	const char *symbol, *version; /* version NULL: none asked for */
	/* Canonical path of the provider, "null" (weak, defined nowhere), or "undefined" (bound
	 * lazily, defined nowhere); NULL: there is no such reference. */
	const char *before, *after;
	/* The provider's symbol if an edit chose one with another name; else NULL. */
	const char *before_symbol, *after_symbol;
	int64_t edit_before, edit_after; /* the edit that made the binding; 0: ld.so's own */
};

/* Strings belong to the mappings' objects. */
struct matr_diff {
	struct matr_object_change *objects;
	size_t n_objects;
	bool reordered;			      /* objects of both are in another order */
	struct matr_binding_change *bindings; /* by requester, symbol, version */
	size_t n_bindings;
};

/* A mapping to be compared. */
struct matr_diff_side {
	const struct matr_mapping *mapping;
	size_t first; /* first scope index to compare: 0, or that of a closure's first new object */
	const struct matr_edited_binding *edited; /* matr_store_edited() */
	size_t n_edited;
};

/* Compare two mappings.
 * *out belongs to the caller: matr_diff_free().
 * Errors: RESOURCES. */
MATR_API int matr_diff(const struct matr_diff_side *before, const struct matr_diff_side *after,
		       struct matr_diff *out, struct matr_error *err);
MATR_API void matr_diff_free(struct matr_diff *diff);

/* Test whether the mappings are equal. */
MATR_API bool matr_diff_is_empty(const struct matr_diff *diff);

/* Get the name: "added", "removed", "moved", "replaced". */
MATR_API const char *matr_change_name(enum matr_change change);

#ifdef __cplusplus
}
#endif

#endif
