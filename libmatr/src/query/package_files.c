/* package_files.c - the files of one package, by dpkg's lists. */
#include "query/package_files.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"
#include "query/package_lists.h"

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
	size_t length = strlen(name);

	return package_list_is(file) && strncmp(file, name, length) == 0 &&
	       (file[length] == ':' || strcmp(file + length, ".list") == 0);
}

int package_files_read(const char *directory, const char *name, struct package_files **out,
		       struct matr_error *err)
{
	struct package_lists *lists = NULL;
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
		if (!lists)
			result = package_lists_open(directory, &lists, err) < 0 ? -1 : 0;
		if (lists)
			result = package_list_read(lists, entry->d_name, add_file, files, err);
	}
	closedir(dir);
	package_lists_free(lists);
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
