/* command_doctor.c - matr doctor: looks at everything that MatR depends on, and says what to do.
 *
 * One function per subject, each adds findings. It changes nothing, and what it cannot look at as an ordinary user it says
 * so of.
 */
#include "command.h"
#include "output.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/enable.h>
#include <matr/epoch.h>
#include <matr/loader.h>

static const char help[] = "usage: matr doctor [--format table|json|csv]\n"
			   "\n"
			   "Look at all that MatR depends on: what the kernel offers, whose the "
			   "files are, store, image\n"
			   "and the files they are about, the loader, the package managers' hooks; "
			   "and start a program.\n"
			   "Nothing is changed. Each finding is `ok`, `note` (good to know), "
			   "`warning` (something does\n"
			   "not work as well as it could) or `error`, with what to do about it.\n"
			   "\n"
			   "  --format FORMAT  table (default), json or csv\n"
			   "  -v, --verbose    list also what is ok\n"
			   "  -h, --help       this text\n"
			   "\n"
			   "Exit status: 0 no warning and no error; 1 there is one; 2 usage.\n"
			   "\n"
			   "  matr doctor -v\n"
			   "  matr doctor --format json | jq '.[] | select(.state == \"error\")'\n";

enum state { STATE_OK, STATE_NOTE, STATE_WARNING, STATE_ERROR };

struct finding {
	const char *subject;
	enum state state;
	char *text;
	const char *advice; /* NULL: none */
};

struct examination {
	const char *prefix;
	struct finding *list;
	size_t n, room;
	bool failed; /* out of memory */
	struct matr_loader_status loader;
	bool in_force;
};

static void add(struct examination *examination, const char *subject, enum state state,
		const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void add(struct examination *examination, const char *subject, enum state state,
		const char *advice, const char *format, ...)
{
	struct finding finding = {.subject = subject, .state = state, .advice = advice};
	va_list args;

	va_start(args, format);
	if (vasprintf(&finding.text, format, args) < 0)
		finding.text = NULL;
	va_end(args);
	if (examination->n == examination->room) {
		size_t room = examination->room ? 2 * examination->room : 16;
		struct finding *list = realloc(examination->list, room * sizeof *list);
		if (list) {
			examination->list = list;
			examination->room = room;
		}
	}
	if (!finding.text || examination->n == examination->room) {
		free(finding.text);
		examination->failed = true;
		return;
	}
	examination->list[examination->n++] = finding;
}

/* ---- the kernel ---- */

static bool can_unshare(int flags)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(unshare(flags) == 0 ? 0 : 1);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void examine_kernel(struct examination *examination)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (uname(&name) != 0)
		return;
	sscanf(name.release, "%d.%d", &major, &minor);
	bool old = major < 5 || (major == 5 && minor < 4);
	add(examination, "kernel", old ? STATE_WARNING : STATE_OK,
	    old ? "MatR is tried with Linux 5.4 and later" : NULL, "Linux %s", name.release);
	bool root = geteuid() == 0;
	bool works = can_unshare(root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS);
	add(examination, "kernel", works ? STATE_OK : STATE_NOTE,
	    works ? NULL
		  : "`matr run` starts programs as `ld-stable PROGRAM` instead, `matr verify` "
		    "needs "
		    "namespaces",
	    "%s namespaces %s", root ? "mount" : "user and mount",
	    works ? "are to be had" : "are refused here");
}

/* ---- the prefix: whose it is, store, image, disk ---- */

static void examine_prefix(struct examination *examination)
{
	struct matr_error err = {0};
	struct statvfs space;
	struct stat status;
	const char *prefix = examination->prefix;

	if (stat(prefix, &status) != 0) {
		add(examination, "prefix", STATE_NOTE, "`matr epoch begin` makes it", "%s: %s",
		    prefix, strerror(errno));
		return;
	}
	if (matr_prefix_trusted(prefix, &err) != 0)
		add(examination, "prefix", STATE_ERROR,
		    "programs start plainly until it belongs to root and nobody else may write: "
		    "chown, chmod go-w",
		    "%s: %s", err.file, err.message);
	else
		add(examination, "prefix", STATE_OK, NULL, "%s is yours or root's only", prefix);
	if (statvfs(prefix, &space) == 0 && space.f_bavail * space.f_frsize < UINT64_C(64) << 20)
		add(examination, "prefix", STATE_WARNING, "make room before the next epoch begins",
		    "%s: less than 64 MB are free", prefix);
}

static void examine_epoch(struct examination *examination)
{
	struct matr_epoch_status status;
	struct matr_error err = {0};
	char by[256];

	if (matr_epoch_status(examination->prefix, &status, &err) != 0) {
		add(examination, "epoch", STATE_ERROR,
		    "`matr epoch begin` makes store and image anew", "%s: %s", err.file,
		    err.message);
		matr_epoch_status_free(&status);
		return;
	}
	examination->in_force = status.in_force;
	if (status.in_force)
		add(examination, "epoch", STATE_OK, NULL,
		    "epoch %lld is in force, %zu applications", (long long)status.epoch.id,
		    status.epoch.applications);
	else if (matr_epoch_suspended(examination->prefix, by, NULL) == 1)
		add(examination, "epoch", status.busy ? STATE_NOTE : STATE_WARNING,
		    "when no packages are being changed: `matr epoch resume`",
		    "the epoch was suspended by %s and has not begun again", by);
	else
		add(examination, "epoch", STATE_NOTE, "`matr epoch begin` begins one",
		    "none is in force: programs start the ordinary way");
	if (status.busy)
		add(examination, "epoch", STATE_NOTE, NULL, "one is being begun or ended");
	for (size_t i = 0; i < status.n_problems; i++)
		add(examination, "epoch", STATE_ERROR, "`matr epoch begin` puts it right", "%s: %s",
		    status.problems[i].file, status.problems[i].reason);
	if (status.n_changed)
		add(examination, "files", STATE_WARNING,
		    "programs that use them start plainly; `matr epoch begin` takes them in, `matr "
		    "hooks install` does so by itself",
		    "%zu files have changed since the epoch began, the first is %s: %s",
		    status.n_changed, status.changed[0].file, status.changed[0].reason);
	else if (status.in_force)
		add(examination, "files", STATE_OK, NULL,
		    "all %zu objects are what the epoch recorded", status.epoch.objects);
	if (status.n_declined)
		add(examination, "epoch", STATE_NOTE, "`matr epoch status` has the reasons",
		    "%zu programs were declined and start plainly", status.n_declined);
	matr_epoch_status_free(&status);
}

/* ---- the loader ---- */

static void examine_ld_stable(struct examination *examination)
{
	char path[PATH_MAX];
	struct matr_error err = {0};
	struct stat status;

	if (program_ld_stable(path, &err) != 0)
		add(examination, "ld-stable", STATE_ERROR, "install MatR again", "%s: %s", err.file,
		    err.message);
	else if (stat(path, &status) == 0 && ((status.st_uid != 0 && status.st_uid != geteuid()) ||
					      (status.st_mode & (S_IWGRP | S_IWOTH))))
		add(examination, "ld-stable", STATE_ERROR, "chown root, chmod go-w",
		    "%s: others may change it", path);
	else
		add(examination, "ld-stable", STATE_OK, NULL, "%s", path);
}

static bool is_on_path(const char *name)
{
	char path[PATH_MAX];
	static const char *const places[] = {"/usr/sbin", "/usr/local/sbin", "/sbin"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, sizeof path, "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return program_find(name, path, NULL) == 0;
}

static void examine_installed_loader(struct examination *examination)
{
	const struct matr_loader_status *loader = &examination->loader;

	if (strcmp(loader->prefix, examination->prefix) != 0)
		add(examination, "loader", STATE_NOTE, NULL,
		    "it uses the epochs of %s, this is about %s", loader->prefix,
		    examination->prefix);
	if (!loader->image_format_matches)
		add(examination, "loader", STATE_WARNING, "`matr loader refresh`",
		    "%s is of another version of MatR and starts programs plainly",
		    loader->interpreter);
	else if (!loader->carries_real)
		add(examination, "loader", STATE_NOTE, "`matr loader refresh`: starts get faster",
		    "the real ld.so is another than the one that %s carries", loader->interpreter);
	if (!is_on_path("matr-rescue"))
		add(examination, "loader", STATE_WARNING, "install it: docs/rescue.md",
		    "matr-rescue is not installed");
}

static void examine_loader(struct examination *examination)
{
	struct matr_loader_status *loader = &examination->loader;
	struct matr_error err = {0};

	if (matr_loader_status(NULL, loader, &err) != 0) {
		add(examination, "loader", STATE_ERROR, NULL, "%s: %s", err.file, err.message);
		return;
	}
	switch (loader->state) {
	case MATR_LOADER_INSTALLED:
		add(examination, "loader", *loader->problem ? STATE_WARNING : STATE_OK,
		    *loader->problem ? "`matr loader install`" : NULL, "%s is ld-stable%s%s",
		    loader->path, *loader->problem ? ": " : "", loader->problem);
		examine_installed_loader(examination);
		break;
	case MATR_LOADER_DISPLACED:
		add(examination, "loader", STATE_WARNING, "`matr loader refresh`",
		    "%s: another dynamic linker is in the place of ld-stable", loader->path);
		break;
	case MATR_LOADER_BROKEN:
		add(examination, "loader", STATE_ERROR, "`matr loader uninstall`, or matr-rescue",
		    "%s: %s", loader->path, loader->problem);
		break;
	case MATR_LOADER_REAL:
		add(examination, "loader", STATE_NOTE,
		    "`matr loader install` makes ld-stable the loader of all programs, `matr run` "
		    "of one",
		    "%s is the real dynamic linker%s%s", loader->path, *loader->problem ? "; " : "",
		    loader->problem);
		break;
	}
}

static void examine_enabled(struct examination *examination)
{
	struct matr_enabled *list;
	size_t n, replaced = 0;

	if (matr_enabled_list(&list, &n, NULL) != 0)
		return;
	for (size_t i = 0; i < n; i++)
		replaced += list[i].state != MATR_ENABLED;
	if (replaced)
		add(examination, "enabled", STATE_WARNING, "`matr enable --refresh`",
		    "%zu of %zu enabled programs have been replaced or removed since", replaced, n);
	else if (n)
		add(examination, "enabled", STATE_OK, NULL,
		    "%zu programs name ld-stable themselves", n);
	matr_enabled_free(list, n);
}

/* What ld-stable says when a program starts. */
static void examine_start(struct examination *examination)
{
	char said[512] = "";
	int fds[2];

	if (examination->loader.state != MATR_LOADER_INSTALLED || pipe2(fds, O_CLOEXEC) != 0)
		return;
	pid_t child = fork();
	if (child == 0) {
		static char *const argv[] = {"sh", "-c", ":", NULL};
		static char *const envp[] = {"LD_STABLE_DEBUG=1", NULL};
		dup2(fds[1], STDERR_FILENO);
		execve("/bin/sh", argv, envp);
		_exit(127);
	}
	close(fds[1]);
	ssize_t n = child > 0 ? read(fds[0], said, sizeof said - 1) : -1;
	close(fds[0]);
	int status = -1;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	said[n > 0 ? n : 0] = 0;
	said[strcspn(said, "\n")] = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		add(examination, "start", STATE_ERROR, "`matr loader uninstall`, or matr-rescue",
		    "/bin/sh does not start: %s", said);
	else if (strncmp(said, "ld-stable: applied", 18) == 0 || !examination->in_force)
		add(examination, "start", STATE_OK, NULL, "/bin/sh starts: %s", said);
	else
		add(examination, "start", STATE_WARNING, "`matr inspect /bin/sh` shows its entry",
		    "/bin/sh starts without its mapping: %s", said);
}

static void examine_hooks(struct examination *examination)
{
	char names[128];

	if (hooks_missing(names, sizeof names))
		add(examination, "hooks", examination->in_force ? STATE_WARNING : STATE_NOTE,
		    "`matr hooks install`",
		    "without their hook, %s would change packages in the midst of an epoch", names);
	else
		add(examination, "hooks", STATE_OK, NULL,
		    "the package managers that are here have their hooks");
}

/* ---- the answer ---- */

static const char *const state_names[] = {"ok", "note", "warning", "error"};

static void show_table(const struct examination *examination, bool verbose)
{
	size_t shown = 0;

	for (size_t i = 0; i < examination->n; i++) {
		const struct finding *finding = &examination->list[i];
		if (finding->state == STATE_OK && !verbose)
			continue;
		bool bold = finding->state >= STATE_WARNING;
		printf("%s%-8s%s %-10s %s\n", bold ? output_bold() : "",
		       state_names[finding->state], bold ? output_normal() : "", finding->subject,
		       finding->text);
		if (finding->advice)
			printf("%-19s -> %s\n", "", finding->advice);
		shown++;
	}
	if (!shown)
		printf("all is well\n");
}

static int show(const struct examination *examination, enum output_format format, bool verbose,
		struct matr_error *err)
{
	static const struct output_column columns[] = {
		{"subject", CELL_TEXT},
		{"state", CELL_TEXT},
		{"finding", CELL_TEXT},
		{"advice", CELL_TEXT},
	};
	struct output output;

	if (examination->failed)
		return matr_fail_memory(err);
	if (format == FORMAT_TABLE) {
		show_table(examination, verbose);
		return output_flush(err);
	}
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < examination->n; i++) {
		const struct finding *finding = &examination->list[i];
		output_text(&output, finding->subject);
		output_text(&output, state_names[finding->state]);
		output_text(&output, finding->text);
		output_text(&output, finding->advice);
	}
	return output_close(&output, err);
}

int command_doctor(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"format", required_argument, NULL, 'f'},
		{"verbose", no_argument, NULL, 'v'},
		{"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct examination examination = {.prefix = context->prefix};
	enum output_format format = FORMAT_TABLE;
	bool verbose = context->verbose;
	struct matr_error err = {0};
	int option;

	while ((option = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (!output_format_parse(optarg, &format))
				return usage_error_because("doctor", "no such format", optarg);
			break;
		case 'v':
			verbose = true;
			break;
		case 'p':
			examination.prefix = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return usage_error("doctor");
		}
	}
	if (optind < argc)
		return usage_error_because("doctor", "unexpected argument", argv[optind]);
	examine_kernel(&examination);
	examine_ld_stable(&examination);
	examine_prefix(&examination);
	examine_epoch(&examination);
	examine_loader(&examination);
	examine_enabled(&examination);
	examine_start(&examination);
	examine_hooks(&examination);
	int status = STATUS_OK;
	for (size_t i = 0; i < examination.n; i++) {
		if (examination.list[i].state >= STATE_WARNING)
			status = STATUS_FAILURE;
	}
	if (show(&examination, format, verbose, &err) != 0) {
		print_error(&err);
		status = STATUS_FAILURE;
	}
	for (size_t i = 0; i < examination.n; i++)
		free(examination.list[i].text);
	free(examination.list);
	return status;
}
