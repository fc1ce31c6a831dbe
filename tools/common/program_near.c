/* program_near.c - suggestions for a program or a file that is not there.
 *
 * Without an epoch, they are the files of the directories: that of the path, or those on PATH.
 */
#include "common/path.h"
#include "common/program.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/nearest.h>

/* Offer the directory's files, those that can be executed where that matters. */
static void offer_directory(struct matr_nearest *nearest, const char *path, bool executable,
			    bool by_path)
{
	DIR *directory = opendir(path);
	char shown[PATH_MAX];
	struct stat status;

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (fstatat(dirfd(directory), entry->d_name, &status, 0) != 0 ||
		    !S_ISREG(status.st_mode) ||
		    (executable && !(status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) ||
		    (by_path &&
		     snprintf(shown, sizeof shown, "%s%s%s", path,
			      path[strlen(path) - 1] == '/' ? "" : "/", entry->d_name) >= PATH_MAX))
			continue;
		matr_nearest_offer(nearest, entry->d_name, by_path ? shown : NULL);
	}
	closedir(directory);
}

static void offer_path(struct matr_nearest *nearest)
{
	const char *search = program_search_path();
	char directory[PATH_MAX];

	for (;;) {
		size_t length = strcspn(search, ":");
		if (length < sizeof directory) {
			memcpy(directory, search, length);
			directory[length] = 0;
			offer_directory(nearest, length ? directory : ".", true, false);
		}
		if (!search[length])
			return;
		search += length + 1;
	}
}

void program_add_nearest(const char *name, bool executable, struct matr_error *err)
{
	int length = (int)path_directory(name);
	struct matr_nearest nearest = {.wanted = path_name(name)};
	char directory[PATH_MAX];

	if (length) {
		snprintf(directory, sizeof directory, "%.*s", length, name);
		offer_directory(&nearest, directory, executable, true);
	} else {
		offer_path(&nearest);
	}
	matr_nearest_add(&nearest, err);
}
