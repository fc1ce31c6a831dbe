/* lines.c - lists of lines. */
#include "matr/upgrade/lines.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

int lines_add(struct lines *lines, const char *text, struct matr_error *err)
{
	if (array_grow(&lines->list, lines->n, sizeof *lines->list, err) != 0)
		return -1;
	char *copy = strdup(text);
	if (!copy)
		return matr_fail_memory(err);
	lines->list[lines->n++] = copy;
	return 0;
}

bool lines_have(const struct lines *lines, const char *text)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strcmp(lines->list[i], text) == 0)
			return true;
	return false;
}

static FILE *open_information(const char *package, const char *kind)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "/var/lib/dpkg/info/%s.%s", package, kind);
	FILE *file = fopen(path, "re");
	if (file)
		return file;
	/* The name has the architecture only where several may be installed. */
	snprintf(path, sizeof path, "/var/lib/dpkg/info/%.*s.%s", (int)strcspn(package, ":"),
		 package, kind);
	return fopen(path, "re");
}

int lines_add_package(struct lines *lines, const char *package, const char *kind,
		      struct matr_error *err)
{
	static const char problem[] = "its list of files cannot be read";
	FILE *file = open_information(package, kind);
	char *line = NULL;
	size_t size = 0;
	int result = 0;

	if (!file)
		return errno == ENOENT ? 0 : matr_fail_errno(err, package, problem);
	while (result == 0 && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		result = lines_add(lines, line, err);
	}
	if (result == 0 && ferror(file))
		result = matr_fail_errno(err, package, problem);
	free(line);
	fclose(file);
	return result;
}

void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		free(lines->list[i]);
	free(lines->list);
	*lines = (struct lines){.n = 0};
}
