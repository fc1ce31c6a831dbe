/* diversions.h - where dpkg puts a package's file instead of where the package has it (dpkg-
 * divert(1)).
 */
#ifndef MATR_DIVERSIONS_H
#define MATR_DIVERSIONS_H

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_diversions;

/* Read the system's diversions. A system without such a file has none. If the file is damaged, the
 * part before counts.
 * directory: dpkg's lists of files; the diversions are in DIRECTORY/../diversions. NULL:
 * /var/lib/dpkg/info.
 * *out belongs to the caller: matr_diversions_free().
 * Errors: RESOURCES. */
MATR_API int matr_diversions_read(const char *directory, struct matr_diversions **out,
				  struct matr_error *err);
MATR_API void matr_diversions_free(struct matr_diversions *diversions);

/* Find where a package's file is. Paths are compared as they are written, as dpkg does.
 * path: where the package has it. package: "libc6:amd64", or without the architecture.
 * Returns `path`, or a string that belongs to the diversions. */
MATR_API const char *matr_diverted(const struct matr_diversions *diversions, const char *path,
				   const char *package);

#ifdef __cplusplus
}
#endif

#endif
