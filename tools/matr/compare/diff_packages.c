/* diff_packages.c - the packages of files, and versions of packages from dpkg's log.
 *
 * A line of the log is "2026-11-30 08:00:00 upgrade zlib1g:amd64 1:1.2.13 1:1.3.1"; the action may
 * be install or remove too, and a version "<none>". The version at a time is the new one of the
 * last line before, else the old one of the first line after, else the current one. Older lines
 * than those of dpkg.log.1 are compressed, and not read.
 */
#include "matr/compare/diff_packages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <matr/packages.h>
#include <matr/store.h>

#include "common/array.h"

struct diff_file {
	char *path, *package; /* package NULL: none */
};

struct diff_version { /* a change of a package */
	int64_t time;
	char *package, *before, *after; /* NULL: not installed */
};

/* ---- files ---- */

static int compare_files(const void *left, const void *right)
{
	const struct diff_file *a = left, *b = right;

	return strcmp(a->path, b->path);
}

static int add_files(struct matr_store *store, int64_t epoch, struct diff_packages *out,
		     struct matr_error *err)
{
	struct matr_store_file *files;
	size_t n;

	if (matr_store_files(store, epoch, &files, &n, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < n && result == 0; i++) {
		result = array_grow(&out->files, out->n, sizeof *out->files, err);
		if (result == 0) {
			out->files[out->n++] = (struct diff_file){.path = files[i].path};
			files[i].path = NULL;
		}
	}
	matr_store_files_free(files, n);
	return result;
}

static void sort_files(struct diff_packages *out)
{
	size_t n = 0;

	if (!out->n)
		return;
	qsort(out->files, out->n, sizeof *out->files, compare_files);
	for (size_t i = 1; i < out->n; i++) {
		if (strcmp(out->files[n].path, out->files[i].path) == 0)
			free(out->files[i].path);
		else
			out->files[++n] = out->files[i];
	}
	out->n = n + 1;
}

static int find_packages(struct diff_packages *out, struct matr_error *err)
{
	const char **paths = calloc(out->n + 1, sizeof(char *));
	char **packages;

	if (!paths)
		return matr_fail_memory(err);
	for (size_t i = 0; i < out->n; i++)
		paths[i] = out->files[i].path;
	int result = matr_packages(NULL, paths, out->n, &packages, err);
	free(paths);
	if (result != 0)
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		out->files[i].package = packages[i];
		packages[i] = NULL;
	}
	matr_packages_free(packages, out->n);
	return 0;
}

/* ---- dpkg's log ---- */

/* The version, or NULL for "<none>". -1: out of memory. */
static int copy_version(const char *text, char **out)
{
	*out = strcmp(text, "<none>") == 0 ? NULL : strdup(text);
	return *out || strcmp(text, "<none>") == 0 ? 0 : -1;
}

/* Lines of other forms are passed over: the log has several. */
static int read_line(const char *line, struct diff_packages *out, struct matr_error *err)
{
	char action[16], package[256], before[256], after[256];
	struct tm date = {.tm_isdst = -1};
	const char *rest = strptime(line, "%Y-%m-%d %H:%M:%S", &date);

	if (!rest || sscanf(rest, " %15s %255s %255s %255s", action, package, before, after) != 4 ||
	    (strcmp(action, "upgrade") != 0 && strcmp(action, "install") != 0 &&
	     strcmp(action, "remove") != 0))
		return 0;
	if (array_grow(&out->versions, out->n_versions, sizeof *out->versions, err) != 0)
		return -1;
	struct diff_version *version = &out->versions[out->n_versions++];
	*version = (struct diff_version){.time = mktime(&date), .package = strdup(package)};
	bool complete = version->package && copy_version(before, &version->before) == 0 &&
			copy_version(after, &version->after) == 0;
	return complete ? 0 : matr_fail_memory(err);
}

/* A log that cannot be read tells nothing. */
static int read_log(const char *path, struct diff_packages *out, struct matr_error *err)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int result = 0;

	while (file && result == 0 && getline(&line, &room, file) > 0)
		result = read_line(line, out, err);
	free(line);
	if (file)
		fclose(file);
	return result;
}

/* "zlib1g" is also the log's "zlib1g:amd64". */
static bool is_package(const char *logged, const char *package)
{
	size_t length = strlen(package);

	return strncmp(logged, package, length) == 0 &&
	       (!logged[length] || (logged[length] == ':' && !strchr(package, ':')));
}

const char *diff_packages_version(const struct diff_packages *packages, const char *package,
				  int epoch, const char *current)
{
	const struct diff_version *last = NULL;

	for (size_t i = 0; i < packages->n_versions; i++) {
		const struct diff_version *version = &packages->versions[i];
		if (!is_package(version->package, package))
			continue;
		if (version->time > packages->times[epoch])
			return last ? last->after : version->before;
		last = version;
	}
	return last ? last->after : current;
}

/* ---- both ---- */

int diff_packages_read(struct matr_store *store, const struct matr_store_epoch *before,
		       const struct matr_store_epoch *after, struct diff_packages *out,
		       struct matr_error *err)
{
	*out = (struct diff_packages){.times = {before->begun, after->begun}};
	int result = add_files(store, before->id, out, err);
	if (result == 0)
		result = add_files(store, after->id, out, err);
	sort_files(out);
	if (result == 0)
		result = find_packages(out, err);
	if (result == 0)
		result = read_log("/var/log/dpkg.log.1", out, err);
	return result == 0 ? read_log("/var/log/dpkg.log", out, err) : result;
}

void diff_packages_free(struct diff_packages *packages)
{
	for (size_t i = 0; i < packages->n; i++) {
		free(packages->files[i].path);
		free(packages->files[i].package);
	}
	for (size_t i = 0; i < packages->n_versions; i++) {
		free(packages->versions[i].package);
		free(packages->versions[i].before);
		free(packages->versions[i].after);
	}
	free(packages->files);
	free(packages->versions);
	*packages = (struct diff_packages){.n = 0};
}

const char *diff_packages_of(const struct diff_packages *packages, const char *path)
{
	const struct diff_file key = {.path = (char *)(uintptr_t)path};
	const struct diff_file *found =
		packages->n ? bsearch(&key, packages->files, packages->n, sizeof key, compare_files)
			    : NULL;

	return found ? found->package : NULL;
}
