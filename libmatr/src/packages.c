/* packages.c - which Debian package a file belongs to.
 *
 * dpkg keeps a list of files per package, PACKAGE.list or PACKAGE:ARCHITECTURE.list, a path a line. They are all read
 * once, for any number of files. A system whose /bin and /lib are links into /usr has files on record under either name.
 *
 * Diversions (dpkg-divert(1)) are in one file beside these: three lines each, from, to, and the package on whose behalf. What
 * other packages have listed as `from` is at `to`.
 */
#include <matr/exposure.h>

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "intern.h"
#include "write_file.h"

enum { LIST_MAX = 1 << 28 }; /* bytes */

static const char *without_usr(const char *path)
{
	return strncmp(path, "/usr/", 5) == 0 ? path + 4 : path;
}

/* ---- diversions ---- */

struct diversions {
	char *text; /* of the file */
	struct intern from;
	struct diversion {
		const char *to, *package; /* package ":": the administrator's, of no package */
	} * list;			  /* by id in from */
};

static void diversions_free(struct diversions *diversions)
{
	intern_free(&diversions->from);
	free(diversions->list);
	free(diversions->text);
}

/* The line at *at, which becomes a string; NULL: there is none. */
static char *next_line(char **at, const char *end)
{
	char *line = *at, *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;

	if (!stop)
		return NULL;
	*stop = 0;
	*at = stop + 1;
	return line;
}

/* To be freed also after an error. A system without the file has no diversions. */
static int diversions_read(const char *directory, struct diversions *out, struct matr_error *err)
{
	struct matr_error own = {0};
	char path[PATH_MAX];
	void *data;
	size_t size, lines = 0;

	*out = (struct diversions){.text = NULL};
	if (snprintf(path, sizeof path, "%s/../diversions", directory) >= (int)sizeof path ||
	    access(path, F_OK) != 0)
		return 0;
	if (read_file(path, LIST_MAX, &data, &size, &own) < 0)
		return own.code == MATR_ERROR_MEMORY ? matr_fail_memory(err) : 0;
	out->text = data;
	for (size_t i = 0; i < size; i++)
		lines += out->text[i] == '\n';
	out->list = calloc(lines / 3 + 1, sizeof *out->list);
	if (!out->list)
		return matr_fail_memory(err);
	for (char *at = out->text, *end = at + size;;) {
		char *from = next_line(&at, end), *to = next_line(&at, end);
		char *package = next_line(&at, end);
		uint32_t id, n = out->from.n;
		if (!package)
			return 0;
		if (intern_add(&out->from, without_usr(from), &id, err) != 0)
			return -1;
		if (id == n) /* the first one, should there be two */
			out->list[id] = (struct diversion){without_usr(to), package};
	}
}

/* Where the file is that the package lists as `path`. */
static const char *where_is(const struct diversions *diversions, const char *path,
			    const char *package)
{
	uint32_t id = intern_find(&diversions->from, path);

	if (id == UINT32_MAX)
		return path;
	const struct diversion *diversion = &diversions->list[id];
	size_t length = strlen(diversion->package);
	bool own = strncmp(package, diversion->package, length) == 0 &&
		   (package[length] == 0 || package[length] == ':');
	return own ? path : diversion->to;
}

/* ---- lists ---- */

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

static int read_list(const char *directory, const char *file, const struct intern *wanted,
		     const struct diversions *diversions, char **packages, struct matr_error *err)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	void *data;
	size_t size;
	int result = 0;

	snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(".list")), file);
	if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path ||
	    read_file(path, LIST_MAX, &data, &size, err) < 0)
		return -1;
	char *at = data, *end = at + size;
	*end = 0; /* read_file leaves room */
	while (at < end && !result) {
		char *line = strchrnul(at, '\n');
		*line = 0;
		uint32_t id = intern_find(wanted, where_is(diversions, without_usr(at), name));
		if (id != UINT32_MAX)
			result = note(&packages[id], name, err);
		at = line + 1;
	}
	free(data);
	return result;
}

static int read_lists(const char *directory, const struct intern *wanted, char **packages,
		      struct matr_error *err)
{
	struct diversions diversions;
	struct dirent **files;
	int n = scandir(directory, &files, NULL, alphasort);

	if (n < 0)
		return 0; /* no dpkg here */
	int result = diversions_read(directory, &diversions, err);
	for (int i = 0; i < n; i++) {
		const char *name = files[i]->d_name;
		size_t length = strlen(name);
		if (!result && length > 5 && strcmp(name + length - 5, ".list") == 0)
			result = read_list(directory, name, wanted, &diversions, packages, err);
		free(files[i]);
	}
	free(files);
	diversions_free(&diversions);
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
		failed = intern_add(&wanted, without_usr(paths[i]), &id, err);
	if (!failed)
		failed = read_lists(directory ? directory : "/var/lib/dpkg/info", &wanted, packages,
				    err);
	for (size_t i = 0; i < n && !failed; i++) {
		const char *package = packages[intern_find(&wanted, without_usr(paths[i]))];
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
