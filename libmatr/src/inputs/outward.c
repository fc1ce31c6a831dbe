/* outward.c - programs that face the network. Only the first word of a command line counts:
 * programs that a script starts are not found. */
#include "inputs/outward.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/resources.h"

enum { MAX_FILE = 1 << 20 }; /* bytes */

static const char *const unit_directories[] = {
	"/usr/lib/systemd/system", "/lib/systemd/system", "/usr/local/lib/systemd/system",
	"/etc/systemd/system",	   "/run/systemd/system", "/usr/lib/systemd/user",
	"/etc/systemd/user",
};
static const char *const desktop_directories[] = {
	"/usr/share/applications",
	"/usr/local/share/applications",
};

static int add(struct outward *outward, const char *program, enum outward_kind kind,
	       struct matr_error *err)
{
	char canonical[PATH_MAX];

	if (!realpath(program, canonical) || outward_find(outward, canonical))
		return 0;
	if (array_reserve(&outward->list, &outward->room, outward->n + 1, sizeof *outward->list,
			  err) != 0)
		return -1;
	struct outward_program *added = &outward->list[outward->n];
	*added = (struct outward_program){strdup(canonical), kind};
	if (!added->path)
		return matr_fail_memory(err);
	outward->n++;
	return 0;
}

/* The first word of a value, without quotes. False: it is too long, or there is none. */
static bool first_word(const char *value, char word[PATH_MAX])
{
	const char *end = " \t\n";

	if (*value == '"' || *value == '\'')
		end = *value++ == '"' ? "\"\n" : "'\n";
	size_t length = strcspn(value, end);
	if (!length || length >= PATH_MAX)
		return false;
	memcpy(word, value, length);
	word[length] = 0;
	return true;
}

/* ExecStart=, with systemd's prefixes. */
static int read_unit(struct outward *outward, const char *text, struct matr_error *err)
{
	static const char key[] = "ExecStart=";
	char program[PATH_MAX];
	int result = 0;

	for (const char *line = text; *line && !result; line += *line == '\n') {
		line += strspn(line, " \t");
		if (strncmp(line, key, sizeof key - 1) == 0) {
			const char *value = line + sizeof key - 1;
			value += strspn(value, " \t@-:+!|");
			if (first_word(value, program) && program[0] == '/')
				result = add(outward, program, OUTWARD_UNIT, err);
		}
		line += strcspn(line, "\n");
	}
	return result;
}

/* The program of a browser's Exec=, and what a script of that name usually starts. */
static int add_browser(struct outward *outward, const char *command, struct matr_error *err)
{
	const char *slash = strrchr(command, '/'), *name = slash ? slash + 1 : command;
	char path[PATH_MAX];

	if (slash)
		snprintf(path, sizeof path, "%s", command);
	else
		snprintf(path, sizeof path, "/usr/bin/%.*s", NAME_MAX, name);
	if (add(outward, path, OUTWARD_BROWSER, err) != 0)
		return -1;
	snprintf(path, sizeof path, "/usr/lib/%.*s/%.*s", NAME_MAX, name, NAME_MAX, name);
	return add(outward, path, OUTWARD_BROWSER, err);
}

static int read_desktop(struct outward *outward, const char *text, struct matr_error *err)
{
	char command[PATH_MAX];
	const char *start = strstr(text, "\nExec=");

	if (!start || !strstr(text, "x-scheme-handler/http;") || !first_word(start + 6, command))
		return 0;
	return add_browser(outward, command, err);
}

static int read_directory(struct outward *outward, const char *directory, const char *suffix,
			  int (*take)(struct outward *, const char *, struct matr_error *),
			  struct matr_error *err)
{
	DIR *stream = opendir(directory);
	struct matr_error why = {0};
	struct dirent *entry;
	int result = 0;

	if (!stream && resources_ran_out(errno))
		return matr_fail_errno(err, directory, "cannot be read");
	while (stream && !result && (entry = readdir(stream)) != NULL) {
		size_t length = strlen(entry->d_name), tail = strlen(suffix);
		char path[PATH_MAX];
		void *data;
		size_t size;
		if (length <= tail || strcmp(entry->d_name + length - tail, suffix) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		if (file_read(path, MAX_FILE, &data, &size, &why) != 0) {
			if (why.code == MATR_ERROR_RESOURCES)
				result = matr_error_copy(err, &why);
			continue;
		}
		((char *)data)[size] = 0; /* file_read() leaves room */
		result = take(outward, data, err);
		free(data);
	}
	if (stream)
		closedir(stream);
	return result;
}

int outward_read(struct outward *out, struct matr_error *err)
{
	*out = (struct outward){.n = 0};
	for (size_t i = 0; i < sizeof unit_directories / sizeof *unit_directories; i++)
		if (read_directory(out, unit_directories[i], ".service", read_unit, err) != 0)
			return -1;
	for (size_t i = 0; i < sizeof desktop_directories / sizeof *desktop_directories; i++)
		if (read_directory(out, desktop_directories[i], ".desktop", read_desktop, err) != 0)
			return -1;
	return 0;
}

void outward_free(struct outward *outward)
{
	for (size_t i = 0; i < outward->n; i++)
		free(outward->list[i].path);
	free(outward->list);
	*outward = (struct outward){.n = 0};
}

enum outward_kind outward_find(const struct outward *outward, const char *path)
{
	for (size_t i = 0; i < outward->n; i++)
		if (strcmp(outward->list[i].path, path) == 0)
			return outward->list[i].kind;
	return OUTWARD_NOT;
}
