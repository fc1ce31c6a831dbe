#include "common/path.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int path_join(const char *directory, const char *name, char out[PATH_MAX], struct matr_error *err)
{
	const char *slash = strcmp(directory, "/") == 0 ? "" : "/";

	if (snprintf(out, PATH_MAX, "%s%s%s", directory, slash, name) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, directory, "path is too long");
	return 0;
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

size_t path_directory(const char *path)
{
	size_t length = (size_t)(path_name(path) - path);
	return length > 1 ? length - 1 : length;
}

bool path_of_executable(int above, char out[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);

	if (length <= 0)
		return false;
	out[length] = 0;
	for (int level = 0; level <= above; level++)
		out[path_directory(out)] = 0;
	return true;
}

mode_t path_umask(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return mask;
}

mode_t path_mode(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_mode & 0777 : 0666 & ~path_umask();
}
