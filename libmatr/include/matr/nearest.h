/* nearest.h - the names that come nearest to one that is not there.
 *
 * Whoever looks something up by name and finds nothing goes through all the names there are once more and offers each:
 *
 *	struct matr_nearest nearest = {.wanted = name};
 *	for (...)
 *		matr_nearest_offer(&nearest, candidate, NULL);
 *	return matr_nearest_fail(&nearest, err, "no such program in epoch %lld", id);
 *
 * which gives "clang-41: no such program in epoch 3; nearest: clang-14".
 */
#ifndef MATR_NEAREST_H
#define MATR_NEAREST_H

#include <stddef.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MATR_NEAREST_MAX = 5 };

struct matr_nearest { /* all zero but for `wanted`: nothing was offered yet */
	const char *wanted;
	struct matr_near_name {
		char *name;
		unsigned distance;
	} best[MATR_NEAREST_MAX]; /* nearest first, then by name */
	size_t n;
};

/* Compare `name` with the wanted one, and keep it if it is near: one contains the other, or few characters were left out,
 * added, swapped or mistaken. shown: what the user gets to see of it, and has to be different for two to be kept; NULL: the
 * name. Both are copied where necessary; without memory the name is forgotten. */
MATR_API void matr_nearest_offer(struct matr_nearest *nearest, const char *name, const char *shown);

/* Fill *err with NOT_FOUND, the wanted name as its file, and the message followed by "; nearest: A, B" where something is
 * near; forget everything. Always -1. */
MATR_API int matr_nearest_fail(struct matr_nearest *nearest, struct matr_error *err,
			       const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Add "; nearest: A, B" to the message of an error that is there already; forget everything. */
MATR_API void matr_nearest_add(struct matr_nearest *nearest, struct matr_error *err);

/* Forget what was offered. */
MATR_API void matr_nearest_free(struct matr_nearest *nearest);

#ifdef __cplusplus
}
#endif

#endif
