#include "resolve/preload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/file.h"
#include "base/file_id.h"

static const char preload_path[] = "/etc/ld.so.preload";

enum { MAX_PRELOAD = 1 << 20 }; /* bytes */

/* Blank comments as glibc does, bugs included. It searches each comment from the start of the file,
 * but only in as many bytes as are left: it misses some comments, and ends others too early. */
static void blank_comments(char *text, size_t size)
{
	size_t left = size;
	char *at;

	while (left && (at = memchr(text, '#', left))) {
		left -= (size_t)(at - text);
		do
			*at = ' ';
		while (--left && *++at != '\n');
	}
}

static int add_name(struct preload *preload, const char *name, struct matr_error *err)
{
	if (array_grow(&preload->names, preload->n, sizeof *preload->names, err) != 0)
		return -1;
	char *copy = strdup(name);
	preload->names[preload->n++] = copy;
	return copy ? 0 : matr_fail_memory(err);
}

/* Names are separated by spaces or colons (ld.so(8), ENVIRONMENT). */
static int add_environment(const char *environment, struct preload *out, struct matr_error *err)
{
	char *text = strdup(environment), *save = NULL;
	int result = text ? 0 : matr_fail_memory(err);

	for (char *name = text ? strtok_r(text, " :", &save) : NULL; name && !result;
	     name = strtok_r(NULL, " :", &save))
		result = add_name(out, name, err);
	free(text);
	return result;
}

/* Names are separated by white space or colons; # starts a comment (ld.so(8), FILES). */
int preload_read(const char *environment, struct preload *out, struct matr_error *err)
{
	struct stat status;
	void *data;
	size_t size;

	*out = (struct preload){.names = NULL};
	if (environment && add_environment(environment, out, err) != 0)
		return -1;
	if (stat(preload_path, &status) < 0)
		return 0;
	if (file_read(preload_path, MAX_PRELOAD, &data, &size, err) < 0)
		return -1;
	if (size)
		out->file = file_id_of(&status);
	char *text = data, *save = NULL;
	text[size] = 0; /* file_read leaves room */
	blank_comments(text, size);
	int result = 0;
	for (char *name = strtok_r(text, " \t\n:", &save); name && !result;
	     name = strtok_r(NULL, " \t\n:", &save))
		result = add_name(out, name, err);
	free(data);
	return result;
}

void preload_free(struct preload *preload)
{
	for (size_t i = 0; i < preload->n; i++)
		free(preload->names[i]);
	free(preload->names);
	*preload = (struct preload){.names = NULL};
}
