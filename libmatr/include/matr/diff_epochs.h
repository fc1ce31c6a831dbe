/* diff_epochs.h - the differences between two epochs: their programs, how these start, what they
 * load, and totals.
 *
 * First pair the programs of both epochs by path (matr_program_pairs()). Of a pair that both epochs
 * have mapped, compare the mappings (matr_application_diff()), and add the result to the totals
 * (matr_diff_totals_add()).
 */
#ifndef MATR_DIFF_EPOCHS_H
#define MATR_DIFF_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/diff.h>

#ifdef __cplusplus
extern "C" {
#endif

struct map;
struct matr_store;
struct matr_store_application;
struct matr_store_closure;
struct matr_store_declined;

/* The change of a program, or of a library that a program loads with dlopen(). */
enum matr_program_change {
	MATR_PROGRAM_SAME,
	MATR_PROGRAM_ADDED,
	MATR_PROGRAM_REMOVED,
	MATR_PROGRAM_CHANGED,
	MATR_PROGRAM_DECLINED, /* now a program is started plainly, a load is left to ld.so */
	MATR_PROGRAM_ACCEPTED, /* it was declined, and is not any more */
	MATR_PROGRAM_STILL_DECLINED,
	MATR_PROGRAM_CHANGES,
};

/* Get the name: "same", "added", ..., "still declined". */
MATR_API const char *matr_program_change_name(enum matr_program_change change);

/* ---- programs ---- */

struct matr_program_side {
	int64_t application; /* 0: it is not mapped */
	const char *reason;  /* why it is declined; NULL: it is not, or not there */
};

struct matr_program_pair {
	const char *path; /* canonical */
	struct matr_program_side before, after;
};

struct matr_program_pairs {
	struct matr_program_pair *list; /* by path */
	size_t n;
	struct { /* the owners of the strings */
		struct matr_store_application *applications;
		struct matr_store_declined *declined;
		size_t n_applications, n_declined;
	} sides[2];
};

/* Pair the programs of two epochs.
 * *out belongs to the caller: matr_program_pairs_free().
 * Errors: those of matr/store.h. */
MATR_API int matr_program_pairs(struct matr_store *store, int64_t before, int64_t after,
				struct matr_program_pairs *out, struct matr_error *err);
MATR_API void matr_program_pairs_free(struct matr_program_pairs *pairs);

/* Get the change of a program without its mappings. If both epochs have mapped it: SAME if it is
 * the same record, else CHANGED, although the mappings may be equal. */
MATR_API enum matr_program_change matr_program_change_of(const struct matr_program_pair *pair);

/* ---- one application ---- */

struct matr_load_diff {
	const char *root; /* the library that is loaded, as ld.so calls it */
	const struct matr_store_closure *before, *after; /* NULL: it is not known to be loaded */
	enum matr_program_change change;
	struct matr_diff diff; /* of the closure; empty unless both sides have mapped it */
};

struct matr_application_diff {
	struct matr_diff start;
	struct matr_load_diff *loads; /* by root; also those that are equal */
	size_t n_loads;
	struct matr_application_side *sides; /* the owner of the strings */
};

/* Compare two applications of the store.
 * before, after: their ids.
 * *out belongs to the caller: matr_application_diff_free(), before the store is
 * closed.
 * Errors: those of matr/store.h. */
MATR_API int matr_application_diff(struct matr_store *store, int64_t before, int64_t after,
				   struct matr_application_diff *out, struct matr_error *err);
MATR_API void matr_application_diff_free(struct matr_application_diff *diff);

/* Test whether the applications are equal. */
MATR_API bool matr_application_diff_is_empty(const struct matr_application_diff *diff);

/* Get the path of the application `after`. */
MATR_API const char *matr_application_diff_path(const struct matr_application_diff *diff);

/* ---- totals ---- */

struct matr_diff_count {
	size_t number;	 /* different ones: the same change in many programs counts once */
	size_t programs; /* programs that have any of them */
	size_t by_edit;	 /* part of the number with an edit on one of the sides */
};

struct matr_diff_totals {
	size_t compared; /* programs that both epochs have mapped */
	size_t programs[MATR_PROGRAM_CHANGES];
	struct matr_diff_count objects[MATR_CHANGES], bindings[MATR_CHANGES],
		loads[MATR_PROGRAM_CHANGES];
	size_t reordered; /* programs with a scope in another order */
	struct map *seen; /* changes that have been counted */
};

/* Count a program. All zero are the totals of no program.
 * diff: NULL if the program is equal, or not mapped in both epochs.
 * totals: matr_diff_totals_free() at the end.
 * Errors: RESOURCES. */
MATR_API int matr_diff_totals_add(struct matr_diff_totals *totals,
				  const struct matr_program_pair *pair,
				  const struct matr_application_diff *diff, struct matr_error *err);
MATR_API void matr_diff_totals_free(struct matr_diff_totals *totals);

#ifdef __cplusplus
}
#endif

#endif
