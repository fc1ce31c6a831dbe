/* package_files.h - dpkg's lists of the files of a package. */
#ifndef MATR_QUERY_PACKAGE_FILES_H
#define MATR_QUERY_PACKAGE_FILES_H

#include <stdbool.h>

#include <matr/error.h>

struct matr_diversions;

#define PACKAGE_LISTS "/var/lib/dpkg/info"

/* Get the path without a leading /usr: a merged /usr has files on record under either name. */
const char *package_path(const char *path);

/* Call `visit` for each file of DIRECTORY/FILE ("PACKAGE.list", "PACKAGE:ARCHITECTURE.list"), with
 * the package_path() of where it is after diversions, and the file's name without ".list". A visit
 * other than 0 ends that and is returned. */
int package_list_read(const char *directory, const char *file,
		      const struct matr_diversions *diversions,
		      int (*visit)(const char *path, const char *package, void *context,
				   struct matr_error *err),
		      void *context, struct matr_error *err);

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
