#include "base/path.h"

#include <stdio.h>

int path_join(const char *directory, const char *name, char out[PATH_MAX], struct matr_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, directory, "path is too long");
	return 0;
}
