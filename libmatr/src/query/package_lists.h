/* package_lists.h - the lines of dpkg's lists of files: PACKAGE.list, PACKAGE:ARCHITECTURE.list. */
#ifndef MATR_QUERY_PACKAGE_LISTS_H
#define MATR_QUERY_PACKAGE_LISTS_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

#define PACKAGE_LISTS "/var/lib/dpkg/info"

/* Get the path without a leading /usr: a merged /usr has files on record under either name. */
const char *package_path(const char *path);

/* Test whether a file of this name is a list. */
bool package_list_is(const char *file);

struct package_lists;

/* Open a directory of lists and read the diversions beside it.
 * *out belongs to the caller: package_lists_free().
 * Returns 1 if opened, 0 if there is no such directory (*out is NULL), -1 on error. */
int package_lists_open(const char *directory, struct package_lists **out, struct matr_error *err);
void package_lists_free(struct package_lists *lists);

/* Restrict package_list_read() to these paths, each as in package_path(). Other paths may come too,
 * but few. */
void package_lists_want(struct package_lists *lists, const char *const *paths, size_t n);

/* Call `visit` for each file of a list, with the package_path() of where it is after diversions,
 * and the list's name without ".list". A visit other than 0 ends that and is returned. */
int package_list_read(struct package_lists *lists, const char *file,
		      int (*visit)(const char *path, const char *package, void *context,
				   struct matr_error *err),
		      void *context, struct matr_error *err);

/* The same for all lists of the directory, in the order of their names. */
int package_lists_read_all(struct package_lists *lists,
			   int (*visit)(const char *path, const char *package, void *context,
					struct matr_error *err),
			   void *context, struct matr_error *err);

#endif
