/* running.c - matr running: processes that use files which were replaced since.
 *
 * A process keeps what it has mapped: a library that a package replaced stays, without a name,
 * until the process ends. /proc/PID/maps has the path and the inode of each mapping, and marks
 * those whose name is gone. Paths are looked at from the root of the process, so that what runs in
 * a container is compared with the files of the container.
 */
#include "common/array.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "matr/system/commands.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/packages.h>

/* As those of matr diff. */
enum { RUNNING_GOOD = STATUS_OK, RUNNING_OLD = STATUS_FAILURE, RUNNING_TROUBLE = STATUS_USAGE };

static const char help[] =
	"usage: matr running [OPTION]...\n"
	"\n"
	"Which processes use programs or libraries that were replaced, removed or changed since\n"
	"they were started, and have to be started again to use what is there now. With --all\n"
	"also those that started from the image of an epoch that is no longer in force: nothing\n"
	"is wrong with them.\n";

static const char help_after[] =
	"Other users' processes can be looked at by root only.\n"
	"\n"
	"Exit status: 0 no process uses such a file; 1 some do; 2 trouble.\n"
	"\n"
	"  sudo matr running\n"
	"  sudo matr running --format json | jq -r '.[].unit' | sort -u\n";

enum state { STATE_REPLACED, STATE_REMOVED, STATE_CHANGED, STATE_EPOCH };

static const char *const state_names[] = {
	[STATE_REPLACED] = "replaced",
	[STATE_REMOVED] = "removed",
	[STATE_CHANGED] = "changed",
	[STATE_EPOCH] = "earlier epoch",
};

struct use { /* a file that a process uses */
	char *program, *unit, *file;
	int pid;
	enum state state;
};

struct survey {
	struct use *list;
	size_t n;
	size_t n_looked_at, n_denied; /* processes */
	time_t boot;		      /* seconds since 1970; 0: unknown */
};

/* ---- one mapping ---- */

struct mapped { /* a line of /proc/PID/maps */
	char path[PATH_MAX];
	unsigned long inode;
	bool executable, deleted;
};

static bool parse_line(char *line, struct mapped *out)
{
	static const char deleted[] = " (deleted)";
	char permissions[8];
	int at = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%*s %7s %*s %*s %lu %n", permissions, &out->inode, &at) != 2 ||
	    line[at] != '/')
		return false;
	size_t length = strlen(line + at), suffix = sizeof deleted - 1;
	out->executable = strchr(permissions, 'x') != NULL;
	out->deleted = length > suffix && strcmp(line + at + length - suffix, deleted) == 0;
	snprintf(out->path, sizeof out->path, "%.*s", (int)(length - (out->deleted ? suffix : 0)),
		 line + at);
	return true;
}

/* "epoch.12.image", or "epoch.12-1.image" */
static bool is_image(const char *path)
{
	const char *name = path_name(path);
	unsigned long long number;
	int at = 0;

	if (sscanf(name, "epoch.%llu%n", &number, &at) != 1 || !at)
		return false;
	if (name[at] == '-')
		at += 1 + (int)strspn(name + at + 1, "0123456789");
	return strcmp(name + at, ".image") == 0;
}

/* Mappings without a file, and files that a process makes for itself and removes at once. */
static bool is_passed_over(const struct mapped *mapped, bool is_there)
{
	static const char *const always[] = {"/memfd:", "/dev/",  "/SYSV", "/anon_",
					     "/[",	"/proc/", "/drm",  "/i915"};
	static const char *const temporary[] = {"/tmp/", "/var/tmp/"};

	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (strncmp(mapped->path, always[i], strlen(always[i])) == 0)
			return true;
	for (size_t i = 0; i < sizeof temporary / sizeof *temporary && !is_there; i++)
		if (strncmp(mapped->path, temporary[i], strlen(temporary[i])) == 0)
			return true;
	return false;
}

static bool stat_there(int pid, const char *path, struct stat *status)
{
	char there[2 * PATH_MAX];

	snprintf(there, sizeof there, "/proc/%d/root%s", pid, path);
	return stat(there, status) == 0;
}

/* The image is not the one that its prefix has in force. */
static bool is_of_earlier_epoch(int pid, const struct mapped *mapped)
{
	char path[PATH_MAX + 16];
	struct stat status;
	int directory = (int)(path_name(mapped->path) - mapped->path);

	snprintf(path, sizeof path, "%.*sepoch.image", directory, mapped->path);
	return mapped->deleted || !stat_there(pid, path, &status) || status.st_ino != mapped->inode;
}

/* Find the state that the mapping is in. Returns false if it is in none. */
static bool state_of(int pid, time_t started, const struct mapped *mapped, enum state *out)
{
	struct stat status;

	if (is_image(mapped->path)) {
		*out = STATE_EPOCH;
		return is_of_earlier_epoch(pid, mapped);
	}
	if (!mapped->executable)
		return false;
	bool there = stat_there(pid, mapped->path, &status);
	if (is_passed_over(mapped, there))
		return false;
	if (mapped->deleted)
		*out = there ? STATE_REPLACED : STATE_REMOVED;
	else if (there && status.st_ino != mapped->inode)
		*out = STATE_REPLACED; /* something else is in its place, such as a mount */
	else
		*out = STATE_CHANGED;
	return mapped->deleted ||
	       (there && (status.st_ino != mapped->inode || status.st_mtime > started + 2));
}

/* ---- one process ---- */

static bool read_file(int pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	size_t n = fread(out, 1, size - 1, file);
	out[n] = 0;
	fclose(file);
	return true;
}

/* Returns 0 if it is unknown. */
static time_t read_boot_time(void)
{
	FILE *file = fopen("/proc/stat", "r");
	unsigned long long boot = 0;
	char *line = NULL;
	size_t room = 0;

	while (file && !boot && getline(&line, &room, file) > 0)
		sscanf(line, "btime %llu", &boot);
	free(line);
	if (file)
		fclose(file);
	return (time_t)boot;
}

/* Time at which a process was started, in seconds since 1970, up to two too early. The latest time
 * if it is unknown: then no file is younger. */
static time_t start_of(int pid, time_t boot)
{
	static const time_t never = (time_t)((~0ULL) >> 2);
	char text[1024];
	unsigned long long ticks;

	if (!boot || !read_file(pid, "stat", text, sizeof text))
		return never;
	const char *at = strrchr(text, ')'); /* the name may have anything in it */
	if (!at ||
	    sscanf(at + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		   "%*d %llu",
		   &ticks) != 1)
		return never;
	return boot + (time_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* The systemd unit: the last name of its control group that is one. "": none. */
static void unit_of(int pid, char out[NAME_MAX + 1])
{
	static const char suffix[] = ".service";
	char text[4096], *save = NULL;

	out[0] = 0;
	if (!read_file(pid, "cgroup", text, sizeof text))
		return;
	for (char *part = strtok_r(text, "/\n", &save); part; part = strtok_r(NULL, "/\n", &save)) {
		size_t length = strlen(part);
		if (length >= sizeof suffix && length <= NAME_MAX &&
		    strcmp(part + length - (sizeof suffix - 1), suffix) == 0)
			strcpy(out, part);
	}
}

static int add(struct survey *survey, int pid, const char *program, const char *file,
	       enum state state, struct matr_error *err)
{
	char unit[NAME_MAX + 1];

	for (size_t i = survey->n; i && survey->list[i - 1].pid == pid; i--)
		if (strcmp(survey->list[i - 1].file, file) == 0)
			return 0;
	if (array_grow(&survey->list, survey->n, sizeof *survey->list, err) != 0)
		return -1;
	unit_of(pid, unit);
	struct use *use = &survey->list[survey->n++];
	*use = (struct use){
		.program = strdup(program),
		.unit = strdup(unit),
		.file = strdup(file),
		.pid = pid,
		.state = state,
	};
	return use->program && use->unit && use->file ? 0 : matr_fail_memory(err);
}

/* The path of the program, without what the kernel adds to one that is gone. */
static bool read_program(int pid, char out[PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	ssize_t n = readlink(path, out, PATH_MAX - 1);
	if (n < 0)
		return false;
	out[n] = 0;
	size_t suffix = sizeof deleted - 1;
	if ((size_t)n > suffix && strcmp(out + n - suffix, deleted) == 0)
		out[n - (ssize_t)suffix] = 0;
	return true;
}

static int look_at(struct survey *survey, int pid, struct matr_error *err)
{
	char program[PATH_MAX], path[64], *line = NULL;
	struct mapped mapped;
	size_t room = 0;
	int result = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	errno = 0;
	FILE *maps = read_program(pid, program) ? fopen(path, "r") : NULL;
	if (!maps) {
		/* Kernel threads have no program; others have gone meanwhile. */
		survey->n_denied += errno == EACCES || errno == EPERM;
		return 0;
	}
	survey->n_looked_at++;
	time_t started = start_of(pid, survey->boot);
	while (!result && getline(&line, &room, maps) > 0) {
		enum state state;
		if (parse_line(line, &mapped) && state_of(pid, started, &mapped, &state))
			result = add(survey, pid, program, mapped.path, state, err);
	}
	free(line);
	fclose(maps);
	return result;
}

static int look_at_all(struct survey *survey, struct matr_error *err)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	int result = 0;

	if (!directory)
		return matr_fail_errno(err, "/proc", "cannot be read");
	survey->boot = read_boot_time();
	while (!result && (entry = readdir(directory)) != NULL) {
		int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
		if (pid > 0 && pid != getpid())
			result = look_at(survey, pid, err);
	}
	closedir(directory);
	if (!result && !survey->n_looked_at && !survey->n_denied)
		result = matr_fail(err, MATR_ERROR_NOT_FOUND, "/proc", "has no processes");
	return result;
}

/* ---- the answer ---- */

struct row { /* a file that processes of one program use */
	const struct use *first;
	const char *package;
	size_t n; /* uses in a row */
};

static int compare_uses(const void *left, const void *right)
{
	const struct use *a = left, *b = right;
	int order = strcmp(a->program, b->program);

	if (!order)
		order = strcmp(a->unit, b->unit);
	if (!order)
		order = strcmp(a->file, b->file);
	if (!order)
		order = (int)a->state - (int)b->state;
	return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

static bool is_same_row(const struct use *a, const struct use *b)
{
	return a->state == b->state && strcmp(a->program, b->program) == 0 &&
	       strcmp(a->unit, b->unit) == 0 && strcmp(a->file, b->file) == 0;
}

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = (a->package == NULL) - (b->package == NULL);

	if (!order && a->package)
		order = strcmp(a->package, b->package);
	return order ? order : (a->first > b->first) - (a->first < b->first);
}

static size_t count_processes(const struct survey *survey, bool earlier)
{
	size_t n = 0;

	for (size_t i = 0; i < survey->n; i++) {
		bool seen = (survey->list[i].state == STATE_EPOCH) != earlier;
		for (size_t k = 0; k < i && !seen; k++)
			seen = survey->list[k].pid == survey->list[i].pid &&
			       (survey->list[k].state == STATE_EPOCH) == earlier;
		n += !seen;
	}
	return n;
}

static const char *plural(size_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

static void say(const struct survey *survey)
{
	size_t old = count_processes(survey, false), earlier = count_processes(survey, true);

	if (old)
		printf("%zu of %zu processes %s files that were replaced", old, survey->n_looked_at,
		       plural(old, "uses", "use"));
	else
		printf("No process uses a file that was replaced: %zu were looked at",
		       survey->n_looked_at);
	if (earlier)
		printf("; %zu started in an earlier epoch", earlier);
	if (survey->n_denied)
		printf("; %zu of other users were not: that needs root", survey->n_denied);
	puts(".");
}

static int show_row(struct output *output, const struct row *row, struct matr_error *err)
{
	const struct use *use = row->first;
	struct text pids = {0};

	for (size_t i = 0; i < row->n; i++)
		text_printf(&pids, "%s%d", i ? " " : "", use[i].pid);
	output_text(output, row->package);
	output_text(output, use->program);
	output_text(output, use->unit[0] ? use->unit : NULL);
	output_text(output, text_string(&pids));
	output_text(output, state_names[use->state]);
	output_text(output, use->file);
	bool failed = pids.failed;
	text_free(&pids);
	return failed ? matr_fail_memory(err) : 0;
}

static int show_rows(struct row *rows, size_t n, enum output_format format, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"package", COLUMN_LEFT},   {"program", COLUMN_LEFT}, {"unit", COLUMN_LEFT},
		{"processes", COLUMN_LEFT}, {"state", COLUMN_LEFT},   {"file", COLUMN_LEFT},
	};
	const char **paths = calloc(n + 1, sizeof *paths);
	char **packages = NULL;
	struct output output;
	int result = paths ? 0 : matr_fail_memory(err);

	for (size_t i = 0; i < n && !result; i++)
		paths[i] = rows[i].first->program;
	if (!result)
		result = matr_packages(NULL, paths, n, &packages, err);
	for (size_t i = 0; i < n && !result; i++)
		rows[i].package = packages[i];
	if (!result && n)
		qsort(rows, n, sizeof *rows, compare_rows);
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n && !result; i++)
		result = show_row(&output, &rows[i], err);
	int closed = output_close(&output, result ? NULL : err);
	if (packages)
		matr_packages_free(packages, n);
	free(paths);
	return result ? result : closed;
}

static int show(struct survey *survey, bool all, enum output_format format, struct matr_error *err)
{
	struct row *rows = calloc(survey->n + 1, sizeof *rows);
	size_t n = 0;
	int result = 0;

	if (!rows)
		return matr_fail_memory(err);
	if (survey->n)
		qsort(survey->list, survey->n, sizeof *survey->list, compare_uses);
	for (size_t i = 0; i < survey->n; i++) {
		const struct use *use = &survey->list[i];
		if (use->state == STATE_EPOCH && !all)
			continue;
		if (n && is_same_row(rows[n - 1].first, use))
			rows[n - 1].n++;
		else {
			rows[n] = (struct row){.first = use, .n = 1};
			n++;
		}
	}
	if (format == FORMAT_TABLE)
		say(survey);
	if (n && format == FORMAT_TABLE)
		putchar('\n');
	if (n || format != FORMAT_TABLE)
		result = show_rows(rows, n, format, err);
	free(rows);
	if (!result)
		result = output_flush(err);
	if (result)
		return result;
	return count_processes(survey, false) ? RUNNING_OLD : RUNNING_GOOD;
}

int command_running(const struct context *context, int argc, char **argv)
{
	struct survey survey = {.n = 0};
	enum output_format format = FORMAT_TABLE;
	struct matr_error err = {0};
	bool all = false;
	int status;
	const struct option_row rows[] = {
		{"all", .flag = &all, .help = "also processes of an earlier epoch"},
		{"format", .format = &format},
		{0},
	};
	const struct options options = {.command = "running",
					.help = help,
					.after = help_after,
					.rows = rows,
					.no_arguments = true};

	(void)context;
	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	int result = look_at_all(&survey, &err);
	if (!result)
		result = show(&survey, all, format, &err);
	for (size_t i = 0; i < survey.n; i++) {
		free(survey.list[i].program);
		free(survey.list[i].unit);
		free(survey.list[i].file);
	}
	free(survey.list);
	if (result < 0)
		print_error(&err);
	return result < 0 ? RUNNING_TROUBLE : result;
}
