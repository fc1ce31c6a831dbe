/* diversions.c - the diversions of dpkg.
 *
 * dpkg keeps them in one file, three lines each: from, to, and the package on whose behalf (":":
 * the administrator's). What all other packages have at `from` is at `to`.
 */
#include "query/diversions.h"

#include <matr/diversions.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/intern.h"

enum { DIVERSIONS_MAX = 1 << 28 }; /* bytes */

struct matr_diversions {
	char *text; /* of the file */
	struct intern from;
	struct diversion {
		const char *from, *to, *package;
	} * list; /* by id in from */
};

void matr_diversions_free(struct matr_diversions *diversions)
{
	if (!diversions)
		return;
	intern_free(&diversions->from);
	free(diversions->list);
	free(diversions->text);
	free(diversions);
}

/* The line at *at, which becomes a string; NULL: there is none. */
static char *next_line(char **at, const char *end)
{
	char *line = *at, *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;

	if (!stop)
		return NULL;
	*stop = 0;
	*at = stop + 1;
	return line;
}

static int parse(struct matr_diversions *diversions, size_t size, struct matr_error *err)
{
	size_t lines = 0;

	for (size_t i = 0; i < size; i++)
		lines += diversions->text[i] == '\n';
	diversions->list = calloc(lines / 3 + 1, sizeof *diversions->list);
	if (!diversions->list)
		return matr_fail_memory(err);
	for (char *at = diversions->text, *end = at + size;;) {
		char *from = next_line(&at, end), *to = next_line(&at, end);
		char *package = next_line(&at, end);
		uint32_t id, n = diversions->from.n;
		if (!package)
			return 0;
		if (intern_add(&diversions->from, from, &id, err) != 0)
			return -1;
		if (id == n) /* the first one, should there be two */
			diversions->list[id] = (struct diversion){from, to, package};
	}
}

int matr_diversions_read(const char *directory, struct matr_diversions **out,
			 struct matr_error *err)
{
	struct matr_error own = {0};
	char path[PATH_MAX];
	void *data;
	size_t size;

	*out = calloc(1, sizeof **out);
	if (!*out)
		return matr_fail_memory(err);
	if (snprintf(path, sizeof path, "%s/../diversions",
		     directory ? directory : "/var/lib/dpkg/info") >= (int)sizeof path ||
	    access(path, F_OK) != 0)
		return 0;
	if (file_read(path, DIVERSIONS_MAX, &data, &size, &own) < 0) {
		if (own.code != MATR_ERROR_RESOURCES)
			return 0;
		matr_diversions_free(*out);
		*out = NULL;
		return matr_error_copy(err, &own);
	}
	(*out)->text = data;
	int result = parse(*out, size, err);
	if (result != 0) {
		matr_diversions_free(*out);
		*out = NULL;
	}
	return result;
}

const char *matr_diverted(const struct matr_diversions *diversions, const char *path,
			  const char *package)
{
	uint32_t id = intern_find(&diversions->from, path);

	if (id == UINT32_MAX)
		return path;
	const struct diversion *diversion = &diversions->list[id];
	size_t length = strlen(diversion->package);
	bool own = strncmp(package, diversion->package, length) == 0 &&
		   (package[length] == 0 || package[length] == ':');
	return own ? path : diversion->to;
}

const char *diversions_from(const struct matr_diversions *diversions, size_t i)
{
	return i < diversions->from.n ? diversions->list[i].from : NULL;
}
