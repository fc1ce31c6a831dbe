/* diversions.h - where dpkg puts a package's file instead of where the package has it (dpkg-divert(1)). */
#ifndef MATR_DIVERSIONS_H
#define MATR_DIVERSIONS_H

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_diversions;

/* Read DIRECTORY/../diversions (NULL: /var/lib/dpkg/info); a system without it has none. *out:
 * matr_diversions_free(), also after an error. What is damaged is taken for its end. Errors: MEMORY. */
MATR_API int matr_diversions_read(const char *directory, struct matr_diversions **out,
				  struct matr_error *err);
MATR_API void matr_diversions_free(struct matr_diversions *diversions);

/* Where the file is that the package ("libc6:amd64", or without the architecture) has at `path`: one of the two strings.
 * As dpkg has it, paths are compared as they are written. */
MATR_API const char *matr_diverted(const struct matr_diversions *diversions, const char *path,
				   const char *package);

#ifdef __cplusplus
}
#endif

#endif
