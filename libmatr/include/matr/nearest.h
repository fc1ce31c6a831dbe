/* nearest.h - the names nearest to one that is not found.
 *
 * After a lookup by name that found nothing, offer all the names that there are:
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

/* All zero except `wanted`: nothing was offered yet. */
struct matr_nearest {
	const char *wanted;
	struct matr_near_name {
		char *name;
		unsigned distance;
	} best[MATR_NEAREST_MAX]; /* nearest first, then by name */
	size_t n;
};

/* Compare `name` with the wanted one, and keep it if it is near: one contains the other, or few
 * characters were left out, added, swapped or replaced.
 * shown: the text for the user; names with equal texts count once. NULL: the name.
 * Both are copied if necessary. Without memory the name is not kept. */
MATR_API void matr_nearest_offer(struct matr_nearest *nearest, const char *name, const char *shown);

/* Fill *err with NOT_FOUND, the wanted name as its file, and the message followed by "; nearest: A,
 * B" if any are near. Free what was offered.
 * Returns -1. */
MATR_API int matr_nearest_fail(struct matr_nearest *nearest, struct matr_error *err,
			       const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Add "; nearest: A, B" to the message of *err, if any are near. Free what was offered. */
MATR_API void matr_nearest_add(struct matr_nearest *nearest, struct matr_error *err);

/* Free what was offered. */
MATR_API void matr_nearest_free(struct matr_nearest *nearest);

#ifdef __cplusplus
}
#endif

#endif
