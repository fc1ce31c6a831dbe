/* package_files.c - dpkg's lists of the files of a package. */
#include "query/package_files.h"

#include <matr/diversions.h>

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/intern.h"

enum { LIST_MAX = 1 << 28 }; /* bytes */

static const char suffix[] = ".list";

const char *package_path(const char *path)
{
	return strncmp(path, "/usr/", 5) == 0 ? path + 4 : path;
}

int package_list_read(const char *directory, const char *file,
		      const struct matr_diversions *diversions,
		      int (*visit)(const char *path, const char *package, void *context,
				   struct matr_error *err),
		      void *context, struct matr_error *err)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	void *data;
	size_t size;
	int result = 0;

	snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(suffix)), file);
	if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path ||
	    file_read(path, LIST_MAX, &data, &size, err) < 0)
		return -1;
	char *at = data, *end = at + size;
	*end = 0; /* file_read leaves room */
	while (at < end && !result) {
		char *line = strchrnul(at, '\n');
		*line = 0;
		result = visit(package_path(matr_diverted(diversions, at, name)), name, context,
			       err);
		at = line + 1;
	}
	free(data);
	return result;
}

/* ---- the files of one package ---- */

struct package_files {
	char **list;
	size_t n;
	struct intern paths; /* of the list */
	bool found;
};

static int add_file(const char *path, const char *package, void *context, struct matr_error *err)
{
	struct package_files *files = context;
	uint32_t id;

	(void)package;
	if (array_grow(&files->list, files->n, sizeof *files->list, err) != 0)
		return -1;
	char *copy = strdup(path);
	if (!copy)
		return matr_fail_memory(err);
	files->list[files->n++] = copy;
	return intern_add(&files->paths, copy, &id, err);
}

/* Test whether the file is the list of the package: NAME.list or NAME:ARCHITECTURE.list. */
static bool is_list_of(const char *file, const char *name)
{
	size_t length = strlen(name), all = strlen(file);

	return all >= length + sizeof suffix - 1 && strncmp(file, name, length) == 0 &&
	       (file[length] == ':' || file[length] == '.') &&
	       strcmp(file + all - (sizeof suffix - 1), suffix) == 0 &&
	       (file[length] == ':' || all == length + sizeof suffix - 1);
}

int package_files_read(const char *directory, const char *name, struct package_files **out,
		       struct matr_error *err)
{
	struct matr_diversions *diversions = NULL;
	struct dirent *entry;
	int result = 0;

	*out = NULL;
	if (!directory)
		directory = PACKAGE_LISTS;
	DIR *dir = strchr(name, '/') ? NULL : opendir(directory);
	if (!dir)
		return 0; /* no dpkg here, or no name of a package */
	struct package_files *files = calloc(1, sizeof *files);
	if (!files)
		result = matr_fail_memory(err);
	while (result == 0 && (entry = readdir(dir)) != NULL) {
		if (!is_list_of(entry->d_name, name))
			continue;
		files->found = true;
		if (!diversions)
			result = matr_diversions_read(directory, &diversions, err);
		if (result == 0)
			result = package_list_read(directory, entry->d_name, diversions, add_file,
						   files, err);
	}
	closedir(dir);
	matr_diversions_free(diversions);
	if (result == 0 && files->found) {
		*out = files;
		return 1;
	}
	package_files_free(files);
	return result;
}

bool package_files_have(const struct package_files *files, const char *path)
{
	return intern_find(&files->paths, package_path(path)) != UINT32_MAX;
}

void package_files_free(struct package_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->n; i++)
		free(files->list[i]);
	free(files->list);
	intern_free(&files->paths);
	free(files);
}
