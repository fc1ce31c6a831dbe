/* placement.h - where the libraries of a program are, and why (docs/security.md). */
#ifndef MATR_PLACEMENT_H
#define MATR_PLACEMENT_H

#include <stdint.h>

#include <matr/image.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_placement {
	enum matr_layout layout; /* SHARED, RANDOM or PACK */
	uint64_t address;	 /* of the epoch's region; RANDOM: 0 */
	char why[160];		 /* one line */
};

/* Get the placement of a program in the image that is in force.
 * application: canonical path.
 * Errors: NOT_FOUND (no image is in force, or it has no such program), MALFORMED, SYSTEM,
 * RESOURCES. */
MATR_API int matr_placement(const char *prefix, const char *application, struct matr_placement *out,
			    struct matr_error *err);

/* "shared", "random", "pack". */
MATR_API const char *matr_layout_name(enum matr_layout layout);

#ifdef __cplusplus
}
#endif

#endif
