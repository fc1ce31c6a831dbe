/* config.c - reading matr.conf(5).
 *
 * inih does the parsing. It cuts lines at a fixed length and section names at another without a
 * word, so both are checked before it sees the text.
 */
#include <matr/config.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"

enum {
	MAX_FILE = 1 << 20, /* bytes */
	MAX_LINE = INI_MAX_LINE - 2,
	MAX_SECTION = 48,
};

static const char *const default_directories[] = {
	"/usr/bin", "/usr/sbin",      "/usr/local/bin",	  "/usr/local/sbin",
	"/bin",	    "/sbin",	      "/usr/games",	  "/usr/local/games",
	"/usr/lib", "/usr/lib64",     "/usr/libexec",	  "/lib",
	"/lib64",   "/usr/local/lib", "/usr/local/lib64", "/usr/local/libexec",
	"/opt",
};

static void free_list(struct matr_config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
}

void matr_config_free(struct matr_config *config)
{
	if (!config)
		return;
	free_list(&config->directories);
	free_list(&config->include);
	free_list(&config->exclude);
	for (size_t i = 0; i < config->n_programs; i++) {
		free(config->programs[i].label);
		free_list(&config->programs[i].paths);
		free_list(&config->programs[i].load);
		free_list(&config->programs[i].load_now);
		free(config->programs[i].library_path);
	}
	free(config->programs);
	free(config->file);
	free(config);
}

static int add(struct matr_config_list *list, const char *item)
{
	if (array_grow(&list->items, list->n, sizeof *list->items, NULL) != 0)
		return -1;
	list->items[list->n] = strdup(item);
	return list->items[list->n++] ? 0 : -1;
}

/* ---- the callback of inih, for every "name = value" ---- */

struct reading {
	struct matr_config *config;
	const char *reason; /* why the line is refused */
	bool no_memory;
};

static int refuse(struct reading *reading, const char *reason)
{
	reading->reason = reason;
	return 0;
}

/* is_pattern: for whole paths, so that it may open with a star. */
static int remember(struct reading *reading, struct matr_config_list *list, const char *path,
		    bool is_pattern)
{
	if (path[0] != '/' && !(is_pattern && path[0] == '*'))
		return refuse(reading, "a path or pattern has to begin with a slash");
	if (add(list, path) != 0) {
		reading->no_memory = true;
		return 0;
	}
	return 1;
}

static struct matr_config_program *find_program(struct reading *reading, const char *label)
{
	struct matr_config *config = reading->config;

	for (size_t i = 0; i < config->n_programs; i++)
		if (strcmp(config->programs[i].label, label) == 0)
			return &config->programs[i];
	char *copy = strdup(label);
	if (!copy || array_grow(&config->programs, config->n_programs, sizeof *config->programs,
				NULL) != 0) {
		free(copy);
		reading->no_memory = true;
		return NULL;
	}
	struct matr_config_program *program = &config->programs[config->n_programs++];
	*program = (struct matr_config_program){.label = copy};
	return program;
}

/* Directories separated by colons; a list that is given on several lines is one. */
static int add_library_path(struct reading *reading, struct matr_config_program *program,
			    const char *value)
{
	char *joined;

	if (strpbrk(value, "$;"))
		return refuse(reading, "library-path has no tokens ($ORIGIN) and no semicolons");
	for (const char *at = value;; at++) {
		if (*at != '/')
			return refuse(
				reading,
				"library-path has to be absolute directories, separated by colons");
		at = strchr(at, ':');
		if (!at)
			break;
	}
	if (asprintf(&joined, "%s%s%s", program->library_path ? program->library_path : "",
		     program->library_path ? ":" : "", value) < 0) {
		reading->no_memory = true;
		return 0;
	}
	free(program->library_path);
	program->library_path = joined;
	return 1;
}

/* Two are needed: the one in force, and the one that replaces it. */
static int set_keep(struct reading *reading, const char *value)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || number < 2 || number > MATR_KEEP_EPOCHS_MAX)
		return refuse(reading, "keep has to be a number from 2 to 10000");
	reading->config->keep_epochs = number;
	return 1;
}

/* Settings of the daemon: yes or no. */
static int set_switch(struct reading *reading, bool *out, const char *value)
{
	*out = strcmp(value, "yes") == 0;
	return *out || strcmp(value, "no") == 0 ? 1 : refuse(reading, "has to be yes or no");
}

static int set_record(struct reading *reading, bool *out, const char *value)
{
	*out = strcmp(value, "always") == 0;
	return *out || strcmp(value, "no") == 0 ? 1
						: refuse(reading, "record has to be always or no");
}

static int set_layout(struct reading *reading, enum matr_layout *out, const char *value)
{
	static const char *const names[] = {NULL, "auto", "shared", "random", "pack"};

	for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
		if (strcmp(value, names[i]) == 0) {
			*out = (enum matr_layout)i;
			return 1;
		}
	}
	return refuse(reading, "layout has to be auto, shared, random or pack");
}

static int take(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	struct matr_config *config = reading->config;

	if (strcmp(section, "programs") == 0) {
		if (strcmp(name, "directory") == 0)
			return remember(reading, &config->directories, value, false);
		if (strcmp(name, "include") == 0)
			return remember(reading, &config->include, value, false);
		if (strcmp(name, "exclude") == 0)
			return remember(reading, &config->exclude, value, true);
		return refuse(reading, "no such setting in [programs]");
	}
	if (strncmp(section, "program ", 8) == 0 && section[8]) {
		struct matr_config_program *program = find_program(reading, section + 8);
		if (!program)
			return 0;
		if (strcmp(name, "path") == 0)
			return remember(reading, &program->paths, value, true);
		if (strcmp(name, "load") == 0)
			return remember(reading, &program->load, value, false);
		if (strcmp(name, "load-now") == 0)
			return remember(reading, &program->load_now, value, false);
		if (strcmp(name, "library-path") == 0)
			return add_library_path(reading, program, value);
		if (strcmp(name, "layout") == 0)
			return set_layout(reading, &program->layout, value);
		if (strcmp(name, "record") == 0)
			return set_record(reading, &program->record, value);
		return refuse(reading, "no such setting in [program ...]");
	}
	if (strcmp(section, "epochs") == 0) {
		if (strcmp(name, "keep") == 0)
			return set_keep(reading, value);
		if (strcmp(name, "layout") == 0)
			return set_layout(reading, &config->layout, value);
		return refuse(reading, "no such setting in [epochs]");
	}
	if (strcmp(section, "matrd") == 0) {
		if (strcmp(name, "strict") == 0)
			return set_switch(reading, &config->strict, value);
		if (strcmp(name, "inotify") == 0)
			return set_switch(reading, &config->inotify, value);
		return refuse(reading, "no such setting in [matrd]");
	}
	return refuse(
		reading,
		"no such section; there are [programs], [epochs], [matrd] and [program NAME]");
}

/* ---- the file ---- */

/* Refuse what inih would cut. */
static int check_lines(const char *file, const char *text, size_t size, struct matr_error *err)
{
	unsigned number = 1;

	if (memchr(text, 0, size))
		return matr_fail(err, MATR_ERROR_MALFORMED, file, "is not a text file");
	for (const char *line = text; *line; number++) {
		size_t length = strcspn(line, "\n");
		if (length > MAX_LINE)
			return matr_fail(err, MATR_ERROR_MALFORMED, file,
					 "line %u: longer than %d bytes", number, MAX_LINE);
		const char *at = line + strspn(line, " \t");
		if (*at == '[' && (size_t)(line + length - at) > MAX_SECTION)
			return matr_fail(err, MATR_ERROR_MALFORMED, file,
					 "line %u: a section's name has at most %d bytes", number,
					 MAX_SECTION);
		line += length + (line[length] == '\n');
	}
	return 0;
}

static int check_programs(const struct matr_config *config, struct matr_error *err)
{
	for (size_t i = 0; i < config->n_programs; i++)
		if (!config->programs[i].paths.n)
			return matr_fail(err, MATR_ERROR_MALFORMED, config->file,
					 "[program %s] has no path", config->programs[i].label);
	return 0;
}

static int parse(struct matr_config *config, const char *text, size_t size, struct matr_error *err)
{
	struct reading reading = {.config = config};

	if (check_lines(config->file, text, size, err) != 0)
		return -1;
	int line = ini_parse_string(text, take, &reading);
	if (reading.no_memory)
		return matr_fail_memory(err);
	if (line != 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, config->file, "line %d: %s", line,
				 reading.reason ? reading.reason : "is not \"name = value\"");
	return check_programs(config, err);
}

/* Its content decides what root reads and which library path a program is given: refuse a file
 * that others can write. */
static int check_owner(const char *file, struct matr_error *err)
{
	struct stat status;

	if (stat(file, &status) != 0)
		return matr_fail_errno(err, file, "cannot be read");
	if (!S_ISREG(status.st_mode))
		return matr_fail(err, MATR_ERROR_USAGE, file, "is not a regular file");
	if ((status.st_uid != 0 && status.st_uid != geteuid()) ||
	    (status.st_mode & (S_IWGRP | S_IWOTH)))
		return matr_fail(err, MATR_ERROR_UNTRUSTED, file,
				 "belongs to neither root nor you, or others may write to it");
	return 0;
}

static int read_config(struct matr_config *config, const char *file, struct matr_error *err)
{
	void *data;
	size_t size;

	config->file = strdup(file);
	if (!config->file)
		return matr_fail_memory(err);
	if (check_owner(file, err) != 0 || file_read(file, MAX_FILE, &data, &size, err) != 0)
		return -1;
	((char *)data)[size] = 0; /* file_read leaves room */
	int result = parse(config, data, size, err);
	free(data);
	return result;
}

int matr_config_load(const char *file, struct matr_config **out, struct matr_error *err)
{
	struct matr_config *config = calloc(1, sizeof *config);

	if (!config)
		return matr_fail_memory(err);
	config->keep_epochs = MATR_KEEP_EPOCHS;
	config->layout = MATR_LAYOUT_AUTO;
	bool there = file || access(MATR_CONFIG_FILE, F_OK) == 0 || errno != ENOENT;
	if (there && read_config(config, file ? file : MATR_CONFIG_FILE, err) != 0)
		goto fail;
	/* Directories that are named replace the usual ones. */
	bool usual = config->directories.n == 0;
	for (size_t i = 0; usual && i < sizeof default_directories / sizeof *default_directories;
	     i++) {
		if (add(&config->directories, default_directories[i]) != 0) {
			matr_fail_memory(err);
			goto fail;
		}
	}
	*out = config;
	return 0;
fail:
	matr_config_free(config);
	return -1;
}

/* ---- asking it ---- */

static bool matches(const struct matr_config_list *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (fnmatch(list->items[i], path, 0) == 0)
			return true;
	return false;
}

bool matr_config_excludes(const struct matr_config *config, const char *path)
{
	return matches(&config->exclude, path);
}

const struct matr_config_program *matr_config_program(const struct matr_config *config,
						      const char *path)
{
	for (size_t i = 0; i < config->n_programs; i++)
		if (matches(&config->programs[i].paths, path))
			return &config->programs[i];
	return NULL;
}

bool matr_config_records(const struct matr_config *config, const char *path)
{
	if (path) {
		const struct matr_config_program *program = matr_config_program(config, path);
		return program && program->record;
	}
	for (size_t i = 0; i < config->n_programs; i++) {
		if (config->programs[i].record)
			return true;
	}
	return false;
}

enum matr_layout matr_config_layout(const struct matr_config *config, const char *path)
{
	const struct matr_config_program *program = matr_config_program(config, path);

	return program && program->layout != MATR_LAYOUT_DEFAULT ? program->layout : config->layout;
}
