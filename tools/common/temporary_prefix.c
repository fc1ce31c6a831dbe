#include "common/temporary_prefix.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <matr/prefix.h>

static bool can_execute_in(const char *directory)
{
	struct statvfs status;

	return statvfs(directory, &status) == 0 && !(status.f_flag & ST_NOEXEC) &&
	       access(directory, W_OK | X_OK) == 0;
}

static const char *find_directory(void)
{
	const char *directory = getenv("TMPDIR");

	if (directory && directory[0] == '/' && can_execute_in(directory))
		return directory;
	return can_execute_in("/tmp") || !can_execute_in("/var/tmp") ? "/tmp" : "/var/tmp";
}

int temporary_prefix_make(const char *name, char out[PATH_MAX], struct matr_error *err)
{
	char made[PATH_MAX];

	out[0] = '\0';
	if (snprintf(made, sizeof made, "%s/matr-%s.XXXXXX", find_directory(), name) >=
	    (int)sizeof made)
		return matr_fail(err, MATR_ERROR_USAGE, "TMPDIR", "path is too long");
	if (!mkdtemp(made))
		return matr_fail_errno(err, made, "cannot be made");
	if (!realpath(made, out)) {
		matr_fail_errno(err, made, "cannot be found");
		rmdir(made);
		out[0] = '\0';
		return -1;
	}
	if (matr_prefix_create(out, err) != 0) {
		temporary_prefix_remove(out);
		out[0] = '\0';
		return -1;
	}
	return 0;
}

void temporary_prefix_remove(const char *prefix)
{
	DIR *directory = prefix[0] ? opendir(prefix) : NULL;

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(prefix);
}
