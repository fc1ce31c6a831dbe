/* program.c - from what the user calls a program to its file. */
#include "common/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/path.h"

static bool is_program(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

const char *program_search_path(void)
{
	const char *path = getenv("PATH");
	return path ? path : "/usr/local/bin:/usr/bin:/bin";
}

int program_find(const char *name, char path[PATH_MAX], struct matr_error *err)
{
	if (strchr(name, '/')) {
		if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
			return matr_fail(err, MATR_ERROR_NOT_FOUND, name, "path is too long");
		if (access(path, F_OK) != 0)
			return matr_fail(err, MATR_ERROR_NOT_FOUND, name, "%s", strerror(errno));
		return 0;
	}
	const char *search = program_search_path();
	while (*name) {
		const char *end = strchrnul(search, ':');
		int length = (int)(end - search);
		/* An empty entry is the current directory. */
		if (snprintf(path, PATH_MAX, "%.*s%s%s", length, search, length ? "/" : "./",
			     name) < PATH_MAX &&
		    is_program(path))
			return 0;
		if (!*end)
			break;
		search = end + 1;
	}
	return matr_fail(err, MATR_ERROR_NOT_FOUND, name, "not found on PATH");
}

int program_canonical(const char *name, char path[PATH_MAX], struct matr_error *err)
{
	char found[PATH_MAX];

	if (program_find(name, found, err) != 0)
		return -1;
	if (!realpath(found, path))
		return matr_fail_errno(err, name, "cannot be found");
	return 0;
}

/* A part of MatR: `built` relative to the build tree, `name` in libexec/matr. */
static int find_part(const char *built, const char *name, char path[PATH_MAX],
		     struct matr_error *err)
{
	char self[PATH_MAX];

	/* DIR/matr: look in DIR/.. */
	if (path_of_executable(1, self)) {
		if (snprintf(path, PATH_MAX, "%s/%s", self, built) < PATH_MAX &&
		    access(path, R_OK) == 0)
			return 0;
		if (snprintf(path, PATH_MAX, "%s/libexec/matr/%s", self, name) < PATH_MAX &&
		    access(path, R_OK) == 0)
			return 0;
	}
	snprintf(path, PATH_MAX, MATR_LIBEXEC "/matr/%s", name);
	if (access(path, R_OK) == 0)
		return 0;
	return matr_fail(err, MATR_ERROR_NOT_FOUND, path, "is not there");
}

int program_ld_stable(char path[PATH_MAX], struct matr_error *err)
{
	if (find_part("ld-stable/ld-stable", "ld-stable", path, err) == 0)
		return 0;
	return matr_fail(err, MATR_ERROR_NOT_FOUND, path,
			 "there is no ld-stable; name one with --ld-stable");
}

int program_sql(char path[PATH_MAX], struct matr_error *err)
{
	return find_part("tools/matr-sql", "matr-sql", path, err);
}

int program_trace_module(char path[PATH_MAX], struct matr_error *err)
{
	return find_part("tools/matr-trace.so", "matr-trace.so", path, err);
}
