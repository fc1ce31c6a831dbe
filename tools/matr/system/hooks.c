/* hooks.c - matr hooks: the files by which package managers notify MatR of changes. */
#include "matr/system/hooks.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "matr/system/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
	"usage: matr hooks install [MANAGER]...\n"
	"       matr hooks uninstall [MANAGER]...\n"
	"       matr hooks status [--format table|json|csv]\n"
	"\n"
	"With its hook a package manager ends the epoch before it changes packages, and begins "
	"the\n"
	"next one after: once for a transaction. A hook that fails does not keep it from its "
	"work.\n"
	"MANAGER is apt, dpkg, dnf, dnf5 or pacman; without any, all that this system has.\n"
	"rpm by itself has no such place: its hook is a package, made from rpm.spec beside the\n"
	"shipped hooks.\n"
	"For whatever else changes files there is `matr epoch wrap`.\n";

static const char help_after[] =
	"Exit status: 0 success (status: every manager that is there has its hook); 1 failure\n"
	"(status: a hook is missing or differs); 2 usage.\n"
	"\n"
	"  matr hooks install\n"
	"  matr hooks uninstall pacman\n";

static const char question[] = "install, uninstall or status?";

struct hook {
	const char *manager;
	const char
		*directory; /* a pattern; where nothing matches, the system has no such manager */
	const char *name;   /* of the file there */
	const char *source; /* of the shipped one */
};

static const struct hook hooks[] = {
	{"apt", "/etc/apt/apt.conf.d", "80matr", "apt.conf"},
	{"dpkg", "/etc/dpkg/dpkg.cfg.d", "matr", "dpkg.cfg"},
	{"dnf", "/usr/lib/python3*/site-packages/dnf-plugins", "matr.py", "dnf.py"},
	{"dnf", "/usr/lib/python3/dist-packages/dnf-plugins", "matr.py", "dnf.py"},
	{"dnf5", "/etc/dnf/libdnf5-plugins/actions.d", "matr.actions", "dnf5.actions"},
	{"pacman", "/usr/share/libalpm/hooks", "00-matr-pre.hook", "pacman-pre.hook"},
	{"pacman", "/usr/share/libalpm/hooks", "zz-matr-post.hook", "pacman-post.hook"},
};
enum { N_HOOKS = sizeof hooks / sizeof *hooks };

enum hook_state {
	HOOK_NO_MANAGER,
	HOOK_MISSING,
	HOOK_FOREIGN, /* a file of that name that is not MatR's */
	HOOK_DIFFERS,
	HOOK_INSTALLED,
};

struct place { /* a hook in a system */
	char path[PATH_MAX];
	char *wanted; /* the shipped file's text */
	enum hook_state state;
};

/* The shipped file: beside matr in the build tree, or installed. */
static char *read_shipped(const char *name, struct matr_error *err)
{
	static const char *const places[] = {"tools/hooks", "share/matr/hooks"};
	char self[PATH_MAX], path[PATH_MAX] = "", text[16384];
	FILE *file = NULL;

	if (path_of_executable(1, self)) {
		for (size_t i = 0; i < sizeof places / sizeof *places && !file; i++) {
			if (snprintf(path, sizeof path, "%s/%s/%s", self, places[i], name) <
			    (int)sizeof path)
				file = fopen(path, "re");
		}
	}
	if (!file) {
		snprintf(path, sizeof path, MATR_DATA "/matr/hooks/%s", name);
		file = fopen(path, "re");
	}
	if (!file) {
		matr_fail_errno(err, path, "the shipped hook cannot be read");
		return NULL;
	}
	size_t size = fread(text, 1, sizeof text - 1, file);
	text[size] = 0;
	fclose(file);
	char *copy = strdup(text);
	if (!copy)
		matr_fail_memory(err);
	return copy;
}

static enum hook_state compare(const struct place *place)
{
	char text[16384];
	FILE *file = fopen(place->path, "re");

	if (!file)
		return HOOK_MISSING;
	size_t size = fread(text, 1, sizeof text - 1, file);
	text[size] = 0;
	fclose(file);
	if (strcmp(text, place->wanted) == 0)
		return HOOK_INSTALLED;
	return !size || strstr(text, "matr") ? HOOK_DIFFERS : HOOK_FOREIGN;
}

static int look(const struct hook *hook, const char *root, struct place *place,
		struct matr_error *err)
{
	char pattern[PATH_MAX];
	glob_t found;

	*place = (struct place){.state = HOOK_NO_MANAGER};
	place->wanted = read_shipped(hook->source, err);
	if (!place->wanted)
		return -1;
	if (snprintf(pattern, sizeof pattern, "%s%s", root, hook->directory) >= (int)sizeof pattern)
		return matr_fail(err, MATR_ERROR_USAGE, root, "path is too long");
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	bool fits = snprintf(place->path, sizeof place->path, "%s/%s", found.gl_pathv[0],
			     hook->name) < (int)sizeof place->path;
	globfree(&found);
	if (!fits)
		return matr_fail(err, MATR_ERROR_USAGE, root, "path is too long");
	place->state = compare(place);
	return 0;
}

static int fail(const char *path, const char *what, struct matr_error *err)
{
	if (geteuid() != 0 && (errno == EACCES || errno == EPERM))
		return matr_fail(err, MATR_ERROR_DENIED, path, "only root may change it");
	return matr_fail_errno(err, path, "%s", what);
}

/* A package manager reads the directory at any time: the file appears whole. What begins with a
 * dot none of them reads. */
static int put(const struct place *place, struct matr_error *err)
{
	char temporary[PATH_MAX];
	size_t size = strlen(place->wanted);

	if (snprintf(temporary, sizeof temporary, "%.*s/.matr.XXXXXX",
		     (int)path_directory(place->path), place->path) >= (int)sizeof temporary)
		return matr_fail(err, MATR_ERROR_USAGE, place->path, "path is too long");
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail(place->path, "cannot be written", err);
	bool written = write(fd, place->wanted, size) == (ssize_t)size && fchmod(fd, 0644) == 0 &&
		       fsync(fd) == 0;
	if (close(fd) != 0 || !written || rename(temporary, place->path) != 0) {
		matr_fail_errno(err, place->path, "cannot be written");
		unlink(temporary);
		return -1;
	}
	return 0;
}

static bool is_wanted(const struct hook *hook, char **names, int n)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(names[i], hook->manager) == 0)
			return true;
	}
	return n == 0;
}

static int act(const struct hook *hook, const struct place *place, bool install, bool named,
	       struct matr_error *err)
{
	if (install && place->state == HOOK_NO_MANAGER) {
		if (!named)
			return 0;
		return matr_fail(err, MATR_ERROR_NOT_FOUND, hook->directory,
				 "is not there: this system has no %s", hook->manager);
	}
	if (install && place->state == HOOK_FOREIGN)
		return matr_fail(err, MATR_ERROR_STATE, place->path,
				 "is there and no hook of MatR's; it is left alone");
	if (install && place->state != HOOK_INSTALLED) {
		if (put(place, err) != 0)
			return -1;
		safe_printf("%s: installed\n", place->path);
	}
	if (!install && (place->state == HOOK_INSTALLED || place->state == HOOK_DIFFERS)) {
		if (unlink(place->path) != 0)
			return fail(place->path, "cannot be removed", err);
		safe_printf("%s: removed\n", place->path);
	}
	return 0;
}

static int change(const char *root, bool install, char **names, int n)
{
	struct matr_error err = {0};
	int status = STATUS_OK;

	for (size_t i = 0; i < N_HOOKS; i++) {
		struct place place;
		if (!is_wanted(&hooks[i], names, n))
			continue;
		/* A second place of the same manager need not be there. */
		bool named = n > 0 && (i == 0 || strcmp(hooks[i - 1].manager, hooks[i].manager));
		if (named && i + 1 < N_HOOKS && !strcmp(hooks[i + 1].manager, hooks[i].manager) &&
		    strcmp(hooks[i + 1].directory, hooks[i].directory) != 0)
			named = false;
		if (look(&hooks[i], root, &place, &err) != 0 ||
		    act(&hooks[i], &place, install, named, &err) != 0) {
			print_error(&err);
			status = STATUS_FAILURE;
		}
		free(place.wanted);
	}
	return status;
}

static int show_status(const char *root, enum output_format format)
{
	static const struct render_column columns[] = {
		{"manager", COLUMN_LEFT}, {"state", COLUMN_LEFT}, {"file", COLUMN_LEFT}};
	static const char *const states[] = {"not on this system", "missing", "another's file",
					     "differs", "installed"};
	struct output output;
	struct matr_error err = {0};
	int status = STATUS_OK;

	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < N_HOOKS; i++) {
		struct place place;
		if (look(&hooks[i], root, &place, &err) != 0) {
			print_error(&err);
			status = STATUS_FAILURE;
		} else {
			output_text(&output, hooks[i].manager);
			output_text(&output, states[place.state]);
			output_text(&output, *place.path ? place.path : NULL);
			if (place.state >= HOOK_MISSING && place.state < HOOK_INSTALLED)
				status = STATUS_FAILURE;
		}
		free(place.wanted);
	}
	if (output_close(&output, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	return status;
}

size_t hooks_missing(char *names, size_t size)
{
	size_t n = 0;

	names[0] = 0;
	for (size_t i = 0; i < N_HOOKS; i++) {
		struct place place;
		if (look(&hooks[i], "", &place, NULL) == 0 &&
		    (place.state >= HOOK_MISSING && place.state < HOOK_INSTALLED) &&
		    !strstr(names, hooks[i].manager)) {
			size_t length = strlen(names);
			snprintf(names + length, size - length, "%s%s", length ? ", " : "",
				 hooks[i].manager);
			n++;
		}
		free(place.wanted);
	}
	return n;
}

const char *hooks_idle(void)
{
	static const char program[] = MATR_LIBEXEC "/matr/package-hook";
	bool installed = false;

	for (size_t i = 0; i < N_HOOKS && !installed; i++) {
		struct place place;
		installed = look(&hooks[i], "", &place, NULL) == 0 &&
			    (place.state == HOOK_INSTALLED || place.state == HOOK_DIFFERS);
		free(place.wanted);
	}
	return installed && access(program, X_OK) != 0 ? program : NULL;
}

static bool is_manager(const char *name)
{
	for (size_t i = 0; i < N_HOOKS; i++) {
		if (strcmp(hooks[i].manager, name) == 0)
			return true;
	}
	return false;
}

struct arguments {
	const char *root;
	enum output_format format;
	char **managers;
	int n;
};

/* Every command of the group takes all options. false: it ends here, with *status. */
static bool parse(struct arguments *out, int argc, char **argv, int *status)
{
	const struct option_row rows[] = {
		{"root", .text = &out->root, .argument = "DIR",
		 .help = "the system in DIR, rather than this one",
		 .completes = COMPLETES_DIRECTORY},
		{"format", .format = &out->format,
		 .help = "of status: table (default), json, jsonl or csv"},
		{0},
	};
	const struct options options = {.command = "hooks",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_WORDS},
					.words = "apt dpkg dnf dnf5 pacman",
					.rows = rows};

	*out = (struct arguments){.root = ""};
	int at = options_parse(&options, argc, argv, status);
	if (at < 0)
		return false;
	out->managers = argv + at;
	out->n = argc - at;
	for (int i = 0; i < out->n; i++) {
		if (is_manager(out->managers[i]))
			continue;
		*status = usage_error_because("hooks", "no such package manager", out->managers[i]);
		return false;
	}
	umask(022);
	return true;
}

static int run_install(const struct context *context, int argc, char **argv)
{
	struct arguments arguments;
	int status;

	(void)context;
	return parse(&arguments, argc, argv, &status)
		       ? change(arguments.root, true, arguments.managers, arguments.n)
		       : status;
}

static int run_uninstall(const struct context *context, int argc, char **argv)
{
	struct arguments arguments;
	int status;

	(void)context;
	return parse(&arguments, argc, argv, &status)
		       ? change(arguments.root, false, arguments.managers, arguments.n)
		       : status;
}

static int run_status(const struct context *context, int argc, char **argv)
{
	struct arguments arguments;
	int status;

	(void)context;
	if (!parse(&arguments, argc, argv, &status))
		return status;
	if (arguments.n)
		return usage_error_because("hooks", question, "status");
	return show_status(arguments.root, arguments.format);
}

int command_hooks(const struct context *context, int argc, char **argv)
{
	static const struct command commands[] = {
		{"install", run_install, .usage = "[MANAGER]...", .help = "put the hooks in place"},
		{"uninstall", run_uninstall, .usage = "[MANAGER]...", .help = "remove them"},
		{"status", run_status, .paged = true, .help = "which are there"},
	};
	static const struct command_group group = {
		.name = "hooks",
		.question = question,
		.commands = commands,
		.n = sizeof commands / sizeof *commands,
	};

	return command_dispatch(&group, context, argc, argv);
}
