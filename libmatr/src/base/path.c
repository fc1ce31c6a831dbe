#include "base/path.h"

#include <stdio.h>
#include <string.h>

int path_join(const char *directory, const char *name, char out[PATH_MAX], struct matr_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
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

bool path_cut(char *path)
{
	size_t length = path_directory(path);

	if (!length || !path[length])
		return false;
	path[length] = 0;
	return true;
}
