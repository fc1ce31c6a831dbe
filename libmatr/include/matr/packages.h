/* packages.h - the Debian packages that files belong to, as dpkg -S finds them. */
#ifndef MATR_PACKAGES_H
#define MATR_PACKAGES_H

#include <stddef.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Find the package of each file. A file of a merged /usr is found by both of its paths, a diverted
 * file (matr/diversions.h) where it is now.
 * directory: dpkg's lists of files; NULL: /var/lib/dpkg/info. Its diversions are in
 * DIRECTORY/../diversions. Without such a directory no file belongs to a package. paths: n
 * canonical paths.
 * *out belongs to the caller: matr_packages_free(). It has n strings; NULL if a file belongs to no
 * package.
 * Errors: RESOURCES. */
MATR_API int matr_packages(const char *directory, const char *const *paths, size_t n, char ***out,
			   struct matr_error *err);
MATR_API void matr_packages_free(char **packages, size_t n);

#ifdef __cplusplus
}
#endif

#endif
