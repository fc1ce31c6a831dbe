/* packages.c - which Debian package a file belongs to.
 *
 * dpkg keeps a list of files per package, PACKAGE.list or PACKAGE:ARCHITECTURE.list, a path a line.
 * They are all read once, for any number of files. A system whose /bin and /lib are links into /usr
 * has files on record under either name. What is diverted (matr/diversions.h) is looked for where
 * it is.
 */
#include <matr/packages.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "query/package_lists.h"

static int note(char **package, const char *name, struct matr_error *err)
{
	char *text = NULL;

	if (*package && strcmp(*package, name) == 0)
		return 0;
	if (asprintf(&text, "%s%s%s", *package ? *package : "", *package ? ", " : "", name) < 0)
		return matr_fail_memory(err);
	free(*package);
	*package = text;
	return 0;
}

struct lists {
	const struct intern *wanted;
	char **packages; /* by id */
};

static int note_file(const char *path, const char *package, void *context, struct matr_error *err)
{
	const struct lists *lists = context;
	uint32_t id = intern_find(lists->wanted, path);

	return id == UINT32_MAX ? 0 : note(&lists->packages[id], package, err);
}

static int read_lists(const char *directory, struct lists *lists, const char *const *paths,
		      size_t n, struct matr_error *err)
{
	struct package_lists *all;
	int opened = package_lists_open(directory, &all, err);

	if (opened <= 0) /* 0: no dpkg here */
		return opened;
	package_lists_want(all, paths, n);
	int result = package_lists_read_all(all, note_file, lists, err);
	package_lists_free(all);
	return result;
}

int matr_packages(const char *directory, const char *const *paths, size_t n, char ***out,
		  struct matr_error *err)
{
	struct intern wanted = {.entries = NULL};
	char **packages = calloc(n + 1, sizeof(char *)); /* by id */
	char **result = calloc(n + 1, sizeof(char *));
	int failed = packages && result ? 0 : matr_fail_memory(err);
	uint32_t id;

	for (size_t i = 0; i < n && !failed; i++)
		failed = intern_add(&wanted, package_path(paths[i]), &id, err);
	if (!failed)
		failed = read_lists(directory ? directory : PACKAGE_LISTS,
				    &(struct lists){&wanted, packages}, paths, n, err);
	for (size_t i = 0; i < n && !failed; i++) {
		const char *package = packages[intern_find(&wanted, package_path(paths[i]))];
		result[i] = package ? strdup(package) : NULL;
		if (package && !result[i])
			failed = matr_fail_memory(err);
	}
	if (packages)
		matr_packages_free(packages, n);
	intern_free(&wanted);
	if (failed) {
		if (result)
			matr_packages_free(result, n);
		return -1;
	}
	*out = result;
	return 0;
}

void matr_packages_free(char **packages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(packages[i]);
	free(packages);
}
