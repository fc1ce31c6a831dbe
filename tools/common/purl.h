/* purl.h - package URLs of Debian packages: pkg:deb/debian/curl@7.88.1-10?arch=amd64. */
#ifndef MATR_TOOLS_COMMON_PURL_H
#define MATR_TOOLS_COMMON_PURL_H

#include <stddef.h>

#include <matr/error.h>

struct purl { /* all NULL: the package is not known */
	char *package, *version, *architecture;
	char *url; /* without a subpath */
};

/* Make the package URLs of packages from dpkg's status and /etc/os-release. names: those of
 * matr_packages(), "curl" or "libc6:amd64"; NULL, or several packages: unknown. *out has n elements
 * and belongs to the caller: purls_free(). */
int purls_make(char *const *names, size_t n, struct purl **out, struct matr_error *err);
void purls_free(struct purl *purls, size_t n);

/* Make the URL of a file: that of its package with the path behind it, or without a package
 * "file://" and the path. The string belongs to the caller; NULL: out of memory. */
char *purl_of_file(const struct purl *purl, const char *path);

#endif
