/* package_files.h - the files of one package, by dpkg's lists. */
#ifndef MATR_QUERY_PACKAGE_FILES_H
#define MATR_QUERY_PACKAGE_FILES_H

#include <stdbool.h>

#include <matr/error.h>

struct package_files;

/* Read the files of a package, of every architecture that is installed.
 * directory: dpkg's lists of files; NULL: /var/lib/dpkg/info. name: PACKAGE or
 * PACKAGE:ARCHITECTURE.
 * *out belongs to the caller: package_files_free().
 * Returns 1 if found, 0 if no such package is installed (*out is NULL), -1 on error. */
int package_files_read(const char *directory, const char *name, struct package_files **out,
		       struct matr_error *err);
bool package_files_have(const struct package_files *files, const char *path);
void package_files_free(struct package_files *files);

#endif
