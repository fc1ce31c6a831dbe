/* diff_epochs.h - what differs between two epochs: which programs they have, how these start, what they load, and all
 * of it in numbers.
 *
 * First the programs of both epochs are paired by path (matr_program_pairs()); of a pair that both have mapped, the mappings
 * are compared (matr_application_diff()), and what is found may be added to the totals (matr_diff_totals_add()).
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

struct matr_map;
struct matr_store;
struct matr_store_application;
struct matr_store_closure;
struct matr_store_declined;

/* What became of a program, or of a library that a program loads with dlopen(). */
enum matr_fate {
	MATR_FATE_SAME,
	MATR_FATE_ADDED,
	MATR_FATE_REMOVED,
	MATR_FATE_CHANGED,
	MATR_FATE_DECLINED, /* a program: now it is started plainly; a load: now it is left to ld.so */
	MATR_FATE_ACCEPTED, /* it was declined, and no longer is */
	MATR_FATE_STILL_DECLINED,
	MATR_FATES,
};

/* "same", "added", ..., "still declined". */
MATR_API const char *matr_fate_name(enum matr_fate fate);

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
	struct { /* what the strings belong to */
		struct matr_store_application *applications;
		struct matr_store_declined *declined;
		size_t n_applications, n_declined;
	} sides[2];
};

/* The programs of two epochs. *out: matr_program_pairs_free(), also after an error. */
MATR_API int matr_program_pairs(struct matr_store *store, int64_t before, int64_t after,
				struct matr_program_pairs *out, struct matr_error *err);
MATR_API void matr_program_pairs_free(struct matr_program_pairs *pairs);

/* What can be said without a look at the mappings: where both epochs have mapped it, SAME if it is the same record, else
 * CHANGED, which then need not be true. */
MATR_API enum matr_fate matr_program_fate(const struct matr_program_pair *pair);

/* ---- one application ---- */

struct matr_load_diff {
	const char *root; /* the library that is loaded, as ld.so calls it */
	const struct matr_store_closure *before, *after; /* NULL: it is not known to be loaded */
	enum matr_fate fate;
	struct matr_diff diff; /* of what it brings in; empty where not both sides have mapped it */
};

struct matr_application_diff {
	struct matr_diff start;
	struct matr_load_diff *loads; /* by root; also those in which nothing differs */
	size_t n_loads;
	struct matr_application_side *sides; /* what the strings belong to */
};

/* Compare two applications of the store, by id. *out: matr_application_diff_free(), also after an error, and before the store
 * is closed. */
MATR_API int matr_application_diff(struct matr_store *store, int64_t before, int64_t after,
				   struct matr_application_diff *out, struct matr_error *err);
MATR_API void matr_application_diff_free(struct matr_application_diff *diff);

/* Nothing differs. */
MATR_API bool matr_application_diff_is_empty(const struct matr_application_diff *diff);

/* The path of the application after. */
MATR_API const char *matr_application_diff_path(const struct matr_application_diff *diff);

/* ---- totals ---- */

struct matr_diff_count {
	size_t number;	 /* different ones: what is the same in many programs counts once */
	size_t programs; /* in so many programs */
	size_t by_edit;	 /* of the number: with an edit on one of the sides */
};

struct matr_diff_totals {
	size_t compared; /* programs that both epochs have mapped */
	size_t programs[MATR_FATES];
	struct matr_diff_count objects[MATR_CHANGES], bindings[MATR_CHANGES], loads[MATR_FATES];
	size_t reordered;      /* programs with a scope in another order */
	struct matr_map *seen; /* what has been counted */
};

/* Count a program; diff: what differs in it, NULL: nothing, or it cannot be said. */
MATR_API int matr_diff_totals_add(struct matr_diff_totals *totals,
				  const struct matr_program_pair *pair,
				  const struct matr_application_diff *diff, struct matr_error *err);
MATR_API void matr_diff_totals_free(struct matr_diff_totals *totals);

#ifdef __cplusplus
}
#endif

#endif
