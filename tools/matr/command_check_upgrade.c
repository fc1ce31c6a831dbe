/* command_check_upgrade.c - matr check-upgrade: what would change for programs if files were replaced.
 *
 * A child takes the programs' scopes, enters a private mount namespace in which the new files are in place (shadow.h),
 * and compares (matr/upgrade.h). Packages are unpacked before that, into a temporary directory that this process removes
 * when the child is done, however that ended.
 */
#include "command.h"
#include "output.h"
#include "reading.h"
#include "recorded.h"
#include "shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/config.h>
#include <matr/epoch.h>
#include <matr/upgrade.h>

/* As those of matr diff. */
enum { CHECK_GOOD = STATUS_OK, CHECK_WORSE = STATUS_FAILURE, CHECK_TROUBLE = STATUS_USAGE };

static const char help[] =
	"usage: matr check-upgrade --replace OLD=NEW|FILE.deb... [OPTION]... [PROGRAM]...\n"
	"\n"
	"Which programs of the epoch (or which of these) would bind otherwise, or no longer "
	"start,\n"
	"if files were replaced. No program is started, and the epoch stays as it is.\n"
	"\n"
	"  --replace OLD=NEW   the library, program or directory OLD by NEW\n"
	"  --replace FILE.deb  what the installed package has by what this one has\n"
	"  --add PATH=NEW      a file that is not there yet\n"
	"  --remove PATH       a file that will be gone\n"
	"  --all               list programs too that would load other files and bind as before\n"
	"  --format FORMAT     table (default), json or csv\n"
	"  --prefix DIR        where the store is\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 nothing changes for the worse; 1 something would; 2 trouble.\n"
	"\n"
	"  matr check-upgrade --replace /lib/x86_64-linux-gnu/libz.so.1=build/libz.so.1.3.1\n"
	"  matr check-upgrade --replace zlib1g_1.3.1_amd64.deb --replace "
	"libpng16-16_1.6.40_amd64.deb\n"
	"  matr check-upgrade --replace /opt/app/lib=/opt/app-2/lib --format json app\n";

enum change_kind { CHANGE_REPLACE, CHANGE_PACKAGE, CHANGE_ADD, CHANGE_REMOVE };

struct change {
	enum change_kind kind;
	char target[PATH_MAX]; /* empty for a package */
	char source[PATH_MAX]; /* absolute; a package's: where it is unpacked */
	char package[256];     /* "libc6:amd64" */
};

struct request {
	const char *prefix;
	struct change *changes;
	size_t n_changes;
	char work[PATH_MAX];  /* temporary directory: mount/, 0/, 1/, ... */
	char mount[PATH_MAX]; /* where shadow.c works */
	const char **programs, **library_paths;
	size_t n_programs;
	bool all, worse;
	enum output_format format;
	struct output output;
};

static const struct output_column columns[] = {
	{"program", CELL_TEXT}, {"verdict", CELL_TEXT}, {"requester", CELL_TEXT},
	{"symbol", CELL_TEXT},	{"version", CELL_TEXT}, {"before", CELL_TEXT},
	{"after", CELL_TEXT},	{"reason", CELL_TEXT},
};

/* ---- what is asked for ---- */

static int absolute(const char *path, char out[PATH_MAX], struct matr_error *err)
{
	char directory[PATH_MAX];
	if (path[0] != '/' && !getcwd(directory, sizeof directory))
		return matr_fail_errno(err, NULL, "no working directory");
	if (snprintf(out, PATH_MAX, "%s%s%s", path[0] == '/' ? "" : directory,
		     path[0] == '/' ? "" : "/", path) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, path, "path is too long");
	return 0;
}

static int parse_pair(const char *text, struct change *change, struct matr_error *err)
{
	const char *equals = strchr(text, '=');
	char left[PATH_MAX];
	struct stat old, new;

	if (!equals || equals == text || !equals[1])
		return matr_fail(err, MATR_ERROR_USAGE, text, "is not OLD=NEW");
	if (snprintf(left, sizeof left, "%.*s", (int)(equals - text), text) >= (int)sizeof left)
		return matr_fail(err, MATR_ERROR_USAGE, text, "path is too long");
	if (absolute(left, change->target, err) != 0)
		return -1;
	if (!realpath(equals + 1, change->source) || stat(change->source, &new) != 0)
		return matr_fail_errno(err, equals + 1, "cannot be read");
	if (change->kind == CHANGE_ADD && S_ISDIR(new.st_mode))
		return matr_fail(err, MATR_ERROR_USAGE, equals + 1, "is a directory");
	if (change->kind == CHANGE_ADD)
		return access(change->target, F_OK) != 0
			       ? 0
			       : matr_fail(err, MATR_ERROR_USAGE, change->target,
					   "is there already: --replace, please");
	if (stat(change->target, &old) != 0)
		return matr_fail_errno(err, change->target, "cannot be replaced");
	if (S_ISDIR(old.st_mode) != S_ISDIR(new.st_mode))
		return matr_fail(err, MATR_ERROR_USAGE, text, "a directory and a file");
	return 0;
}

static bool is_package(const char *text)
{
	size_t length = strlen(text);
	return length > 4 && strcmp(text + length - 4, ".deb") == 0 && !strchr(text, '=');
}

static int parse_change(struct request *request, enum change_kind kind, const char *text,
			struct matr_error *err)
{
	struct change *larger =
		realloc(request->changes, (request->n_changes + 1) * sizeof *larger);
	if (!larger)
		return matr_fail_memory(err);
	request->changes = larger;
	struct change *change = &larger[request->n_changes++];
	*change = (struct change){.kind = kind};
	if (kind == CHANGE_REPLACE && is_package(text)) {
		change->kind = CHANGE_PACKAGE;
		if (!realpath(text, change->source))
			return matr_fail_errno(err, text, "cannot be read");
		return 0;
	}
	if (kind != CHANGE_REMOVE) {
		if (parse_pair(text, change, err) != 0)
			return -1;
		/* A file in two places would be one library, as two links to it are. */
		for (size_t i = 0; i + 1 < request->n_changes; i++) {
			if (strcmp(request->changes[i].source, change->source) == 0)
				return matr_fail(err, MATR_ERROR_USAGE, change->source,
						 "takes two places; each wants a copy of its own");
		}
		return 0;
	}
	if (absolute(text, change->target, err) != 0)
		return -1;
	struct stat status;
	return lstat(change->target, &status) == 0
		       ? 0
		       : matr_fail_errno(err, change->target, "cannot be removed");
}

/* ---- packages ---- */

/* Run dpkg-deb; the first line of its output goes to `line` unless that is NULL. */
static int dpkg_deb(char *const argv[], char *line, size_t size, struct matr_error *err)
{
	int ends[2], status;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return matr_fail_errno(err, NULL, "no pipe");
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return matr_fail_errno(err, NULL, "no process for dpkg-deb");
	}
	size_t length = 0;
	char buffer[512];
	ssize_t got;
	while ((got = read(ends[0], buffer, sizeof buffer)) > 0)
		for (ssize_t i = 0; line && i < got && length + 1 < size; i++)
			line[length++] = buffer[i];
	close(ends[0]);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return matr_fail_errno(err, "dpkg-deb", "cannot be waited for");
	if (line) {
		line[length] = 0;
		line[strcspn(line, "\n")] = 0;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, "dpkg-deb", "is not installed");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, argv[2], "dpkg-deb cannot unpack it");
	return 0;
}

static int unpack(const struct request *request, struct change *change, size_t i,
		  struct matr_error *err)
{
	char tree[PATH_MAX], name[128], architecture[64];
	char *query[] = {(char *)"dpkg-deb", (char *)"-f", change->source, (char *)"Package", NULL};
	char *extract[] = {(char *)"dpkg-deb", (char *)"-x", change->source, tree, NULL};

	if (snprintf(tree, sizeof tree, "%s/%zu", request->work, i) >= (int)sizeof tree)
		return matr_fail(err, MATR_ERROR_USAGE, request->work, "path is too long");
	if (dpkg_deb(query, name, sizeof name, err) != 0)
		return -1;
	query[3] = (char *)"Architecture";
	if (dpkg_deb(query, architecture, sizeof architecture, err) != 0 ||
	    dpkg_deb(extract, NULL, 0, err) != 0)
		return -1;
	snprintf(change->package, sizeof change->package, "%s:%s", name, architecture);
	snprintf(change->source, sizeof change->source, "%s", tree);
	return 0;
}

static FILE *open_list(const char *package)
{
	char path[PATH_MAX];
	const char *colon = strchr(package, ':');

	snprintf(path, sizeof path, "/var/lib/dpkg/info/%s.list", package);
	FILE *file = fopen(path, "re");
	if (file || !colon)
		return file;
	snprintf(path, sizeof path, "/var/lib/dpkg/info/%.*s.list", (int)(colon - package),
		 package);
	return fopen(path, "re");
}

/* Of the installed package's files, those that the new one does not have. */
static int remove_old(const struct request *request, const struct change *change,
		      struct matr_error *err)
{
	FILE *file = open_list(change->package);
	char *line = NULL, path[PATH_MAX];
	size_t size = 0;
	struct stat status;
	int result = 0;

	if (!file)
		return 0; /* it is not installed: everything is new */
	while (result == 0 && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "/usr/share/", 11) == 0 ||
		    snprintf(path, sizeof path, "%s%s", change->source, line) >= (int)sizeof path ||
		    lstat(path, &status) == 0)
			continue;
		result = shadow_remove(request->mount, line, err);
	}
	free(line);
	fclose(file);
	return result;
}

static int apply(const struct request *request, struct matr_error *err)
{
	int result = shadow_enter(request->mount, err);

	for (size_t i = 0; i < request->n_changes && result == 0; i++)
		if (request->changes[i].kind == CHANGE_PACKAGE)
			result = remove_old(request, &request->changes[i], err);
	for (size_t i = 0; i < request->n_changes && result == 0; i++) {
		const struct change *change = &request->changes[i];
		switch (change->kind) {
		case CHANGE_PACKAGE:
			result = shadow_overlay(request->mount, change->source, err);
			break;
		case CHANGE_REPLACE:
			result = shadow_replace(change->target, change->source, err);
			break;
		case CHANGE_ADD:
			result = shadow_put(request->mount, change->target, change->source, err);
			break;
		case CHANGE_REMOVE:
			result = shadow_remove(request->mount, change->target, err);
			break;
		}
	}
	return result == 0 ? shadow_ldconfig(request->mount, err) : result;
}

/* ---- results ---- */

static void row(struct request *request, const char *program, const char *verdict,
		const struct matr_binding_change *binding, const char *reason)
{
	output_text(&request->output, program);
	output_text(&request->output, verdict);
	output_text(&request->output, binding ? binding->requester : NULL);
	output_text(&request->output, binding ? binding->symbol : NULL);
	output_text(&request->output, binding ? binding->version : NULL);
	output_text(&request->output, binding ? binding->before : NULL);
	output_text(&request->output, binding ? binding->after : NULL);
	output_text(&request->output, reason);
}

static const char *binding_verdict(const struct matr_binding_change *binding)
{
	if (binding->after && strcmp(binding->after, "undefined") == 0)
		return "lost";
	if (!matr_binding_is_worse(binding))
		return binding->change == MATR_CHANGE_MOVED ? "gained" : NULL;
	return binding->after && strcmp(binding->after, "null") == 0 ? "lost" : "moved";
}

static void show(struct request *request, const char *program,
		 const struct matr_upgrade_result *result)
{
	if (result->verdict == MATR_UPGRADE_SAME)
		return;
	if (result->verdict == MATR_UPGRADE_UNKNOWN || result->verdict == MATR_UPGRADE_REFUSED) {
		const struct matr_error *why = &result->why;
		bool own = !why->file[0] || strcmp(why->file, program) == 0;
		char reason[sizeof why->file + sizeof why->message + 2];
		snprintf(reason, sizeof reason, "%s%s%s", own ? "" : why->file, own ? "" : ": ",
			 why->message);
		row(request, program,
		    result->verdict == MATR_UPGRADE_REFUSED ? "refused" : "unknown", NULL, reason);
		request->worse = true;
		return;
	}
	request->worse = request->worse || result->verdict == MATR_UPGRADE_WORSE;
	bool any = false;
	for (size_t i = 0; i < result->n_versions; i++) {
		const struct matr_version_loss *loss = &result->versions[i];
		const struct matr_binding_change as_binding = {
			.requester = loss->requester,
			.version = loss->version,
			.before = loss->file,
		};
		row(request, program, "unversioned", &as_binding,
		    "the library has no versions any more");
		any = true;
	}
	for (size_t i = 0; i < result->diff.n_bindings; i++) {
		const char *verdict = binding_verdict(&result->diff.bindings[i]);
		if (!verdict)
			continue;
		row(request, program, verdict, &result->diff.bindings[i], NULL);
		any = true;
	}
	if (!any && request->all)
		row(request, program, "replaced", NULL, "binds as before");
}

/* The child's part: 0, 1 or 2. */
static int check(struct request *request)
{
	struct matr_error err = {0};
	struct matr_upgrade *upgrade = NULL;
	int result = matr_upgrade_open(request->programs, request->library_paths,
				       request->n_programs, &upgrade, &err);

	if (result == 0)
		result = apply(request, &err);
	if (result == 0)
		result = matr_upgrade_changed(upgrade, &err);
	if (result == 0) {
		output_open(&request->output, request->format, columns,
			    sizeof columns / sizeof *columns);
		for (size_t i = 0; i < request->n_programs && result == 0; i++) {
			struct matr_upgrade_result one;
			result = matr_upgrade_check(upgrade, i, &one, &err);
			if (result == 0)
				show(request, request->programs[i], &one);
			matr_upgrade_result_free(&one);
		}
		int closed = output_close(&request->output, result == 0 ? &err : NULL);
		result = result == 0 ? closed : result;
	}
	matr_upgrade_close(upgrade);
	if (result != 0) {
		print_error(&err);
		return CHECK_TROUBLE;
	}
	return request->worse ? CHECK_WORSE : CHECK_GOOD;
}

static int in_child(struct request *request, struct matr_error *err)
{
	int status;

	fflush(stdout);
	pid_t child = fork();
	if (child < 0) {
		matr_fail_errno(err, NULL, "no process");
		return -1;
	}
	if (child == 0) {
		int result = check(request);
		fflush(stdout);
		_exit(result);
	}
	signal(SIGINT, SIG_IGN); /* the child dies of it; what is left is to be tidied up */
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return matr_fail_errno(err, NULL, "the check cannot be waited for");
	if (!WIFEXITED(status))
		return matr_fail(err, MATR_ERROR_SYSTEM, NULL, "the check was killed by signal %d",
				 WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* ---- programs ---- */

static int add_program(struct request *request, const struct matr_config *config, const char *path,
		       struct matr_error *err)
{
	const struct matr_config_program *program = matr_config_program(config, path);
	size_t n = request->n_programs + 1;
	const char **programs = realloc(request->programs, n * sizeof *programs);

	if (programs)
		request->programs = programs;
	const char **library_paths = realloc(request->library_paths, n * sizeof *library_paths);
	if (library_paths)
		request->library_paths = library_paths;
	char *copy = strdup(path);
	if (!programs || !library_paths || !copy) {
		free(copy);
		return matr_fail_memory(err);
	}
	programs[n - 1] = copy;
	library_paths[n - 1] = program ? program->library_path : NULL;
	request->n_programs = n;
	return 0;
}

static bool is_wanted(const int64_t *wanted, int n, int64_t id)
{
	for (int i = 0; i < n; i++)
		if (wanted[i] == id)
			return true;
	return n == 0;
}

static int find_programs(struct request *request, const struct matr_config *config, int n,
			 char **names, struct matr_error *err)
{
	struct matr_store_application *list = NULL;
	struct matr_store_epoch epoch;
	struct matr_store *store;
	size_t n_list = 0;
	int64_t *wanted = calloc((size_t)n + 1, sizeof *wanted);

	if (!wanted)
		return matr_fail_memory(err);
	int result = reading_open(request->prefix, &store, err);
	if (result != 0) {
		free(wanted);
		return -1;
	}
	result = recorded_epoch(request->prefix, store, NULL, &epoch, err);
	for (int i = 0; i < n && result == 0; i++)
		result = recorded_find(store, epoch.id, names[i], &wanted[i], err);
	if (result == 0)
		result = matr_store_applications(store, epoch.id, &list, &n_list, err);
	for (size_t i = 0; i < n_list && result == 0; i++)
		if (is_wanted(wanted, n, list[i].id))
			result = add_program(request, config, list[i].path, err);
	matr_store_applications_free(list, n_list);
	matr_store_close(store);
	free(wanted);
	return result;
}

/* ---- the whole ---- */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path) == 0 ? 0 : -1;
}

static int prepare(struct request *request, struct matr_error *err)
{
	const char *directory = getenv("TMPDIR");

	if (snprintf(request->work, sizeof request->work, "%s/matr-upgrade.XXXXXX",
		     directory && *directory ? directory : "/tmp") >= (int)sizeof request->work)
		return matr_fail(err, MATR_ERROR_USAGE, directory, "path is too long");
	if (!mkdtemp(request->work)) {
		matr_fail_errno(err, request->work, "cannot be made");
		request->work[0] = 0;
		return -1;
	}
	if (snprintf(request->mount, sizeof request->mount, "%s/mount", request->work) >=
	    (int)sizeof request->mount)
		return matr_fail(err, MATR_ERROR_USAGE, directory, "path is too long");
	if (mkdir(request->mount, 0755) != 0)
		return matr_fail_errno(err, request->mount, "cannot be made");
	for (size_t i = 0; i < request->n_changes; i++)
		if (request->changes[i].kind == CHANGE_PACKAGE &&
		    unpack(request, &request->changes[i], i, err) != 0)
			return -1;
	return 0;
}

static int run(struct request *request, int n, char **names)
{
	struct matr_config *config = NULL;
	struct matr_error err = {0};
	int status = -1;

	if (matr_config_load(NULL, &config, &err) == 0 &&
	    find_programs(request, config, n, names, &err) == 0 && prepare(request, &err) == 0)
		status = in_child(request, &err);
	if (request->work[0])
		nftw(request->work, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < request->n_programs; i++)
		free((char *)request->programs[i]);
	free(request->programs);
	free(request->library_paths);
	matr_config_free(config);
	if (status >= 0)
		return status;
	print_error(&err);
	return CHECK_TROUBLE;
}

int command_check_upgrade(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"replace", required_argument, NULL, 'r'}, {"add", required_argument, NULL, 'a'},
		{"remove", required_argument, NULL, 'd'},  {"all", no_argument, NULL, 'A'},
		{"format", required_argument, NULL, 'f'},  {"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},	   {NULL, 0, NULL, 0},
	};
	struct request request = {.prefix = context->prefix};
	struct matr_error err = {0};
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'r':
		case 'a':
		case 'd':
			if (parse_change(&request,
					 option == 'r'	 ? CHANGE_REPLACE
					 : option == 'a' ? CHANGE_ADD
							 : CHANGE_REMOVE,
					 optarg, &err) != 0) {
				print_error(&err);
				status = CHECK_TROUBLE;
			}
			break;
		case 'A':
			request.all = true;
			break;
		case 'f':
			if (!output_format_parse(optarg, &request.format))
				status = usage_error_because("check-upgrade", "no such format",
							     optarg);
			break;
		case 'p':
			request.prefix = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			status = CHECK_GOOD;
			break;
		default:
			status = usage_error("check-upgrade");
		}
	}
	if (status < 0 && !request.n_changes)
		status = usage_error_because("check-upgrade", "what is to be replaced?", NULL);
	if (status < 0)
		status = run(&request, argc - optind, argv + optind);
	free(request.changes);
	return status;
}
