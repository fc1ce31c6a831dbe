/* begin.c - matr epoch begin: by matrd if it runs, else here. */
#include "matr/epoch/begin.h"
#include "common/cause.h"
#include "common/matrd_client.h"
#include "common/output.h"
#include "common/path.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/terminal.h"
#include "matr/edit/rebind.h"
#include "matr/edit/trial.h"
#include "matr/epoch/epoch.h"
#include "matr/namespace/root.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/loader.h>
#include <matr/loader_format.h>
#include <matr/prefix.h>
#include <matr/scan.h>

static const char begin_help[] =
	"usage: matr epoch begin [OPTION]... [PROGRAM]...\n"
	"\n"
	"Compute the relocation mapping of the programs (paths, or names found on PATH; without "
	"any,\n"
	"of every dynamically linked program of the system, see matr.conf(5)) and put it in "
	"force.\n"
	"Programs that are named are added to an epoch that is in force, or refreshed in it; with\n"
	"--only it is replaced. A program that cannot be mapped is declined: it starts as always,\n"
	"and `matr epoch status` has the reason.\n";

static const char begin_help_after[] =
	"A damaged store is moved aside (to store.db.damaged) and replaced without being asked;\n"
	"one that a newer MatR has written only with --rebuild-store.\n"
	"\n"
	"Exit status: 0 begun; 1 failure, and nothing has changed; 2 usage; 3 begun, but some\n"
	"programs were declined, or some edit (matr-rebind(1)) could not be applied.\n"
	"\n"
	"  matr epoch begin\n"
	"  matr epoch begin bash git /usr/lib/libreoffice/program/soffice.bin\n"
	"  matr --prefix ~/.matr epoch begin clang\n"
	"  matr epoch begin --root /srv/image\n";

enum { LEFT_OUT_MAX = 64 }; /* beyond these, edits fail one begin later */

struct begun { /* an epoch that is being begun here */
	const struct begin_request *request;
	struct matr_epoch_options options;
	int progress_fd;	      /* progress for matrd; -1: show it to people */
	const struct matr_scan *scan; /* what it found, while the epoch is open */
	struct matr_epoch *epoch;
	char **named; /* the request's programs, as in the results; NULL: none */
	struct begun_after {
		int64_t epoch; /* that was in force; 0: none */
		size_t n;      /* programs that it was begun for; 0: the whole system's */
		size_t added, refreshed;
		char **programs; /* the n */
		char config[PATH_MAX];
	} after;
	size_t declined;
	int64_t *untried; /* edits, while the epoch is prepared */
	size_t n_untried;
	struct {
		int64_t edit;
		struct matr_error why;
	} left_out[LEFT_OUT_MAX]; /* edits with which a program died */
	size_t n_left_out;
};

/* Options of the command line that are not part of a request to matrd. */
struct only_here {
	const char *root, *progress;
	bool portable, no_daemon;
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* On a terminal a bar that is drawn over and over, elsewhere a line each minute. */
static void show_progress(double *shown, const struct matr_epoch_progress *progress, int fd)
{
	static const char bar[] = "##############################";
	enum { BAR_WIDTH_MIN = 72 }; /* narrower terminals have figures only */
	const int width = sizeof bar - 1;
	double time = now();

	if (time - *shown < (fd >= 0 || terminal_shows_progress() ? 0.05 : 60))
		return;
	*shown = time;
	if (fd >= 0) {
		dprintf(fd, "%zu %zu %s\n", progress->done, progress->all, progress->what);
		return;
	}
	if (!terminal_shows_progress()) {
		print_warning("%s: %zu of %zu", progress->what, progress->done, progress->all);
		return;
	}
	size_t all = progress->all ? progress->all : 1;
	int filled = (int)((size_t)width * progress->done / all);
	if (terminal_error_width() < BAR_WIDTH_MIN)
		progress_line("%zu of %zu: %s", progress->done, progress->all, progress->what);
	else
		progress_line("%-20s [%.*s%*s] %zu of %zu", progress->what, filled, bar,
			      width - filled, "", progress->done, progress->all);
}

static void clear_progress(void)
{
	if (terminal_shows_progress())
		progress_line("%s", "");
}

/* Test whether the user wants a line about the program. */
static bool is_wanted(const struct begun *begun, const struct matr_epoch_result *result)
{
	for (size_t i = 0; i < begun->request->n_programs; i++)
		if (begun->named[i] && strcmp(begun->named[i], result->path) == 0)
			return true;
	return begun->request->n_programs == 0;
}

/* Print the declined programs and the reasons, unless `quiet`. Returns their number. */
static size_t report_declined(const struct begun *begun, bool quiet)
{
	enum { SHOWN = 20 };
	size_t n, declined = 0;
	const struct matr_epoch_result *results = matr_epoch_results(begun->epoch, &n);

	for (size_t i = 0; i < n; i++) {
		if (results[i].application || !is_wanted(begun, &results[i]))
			continue;
		if (declined++ < SHOWN && !quiet)
			print_warning("%s: declined: %s", results[i].path, results[i].reason);
	}
	if (declined > SHOWN && !quiet)
		print_warning("%zu more programs were declined; `matr epoch status` lists them",
			      declined - SHOWN);
	return declined;
}

/* If the only program was declined, its reason is the error, and the whole output. */
static bool only_declined(const struct matr_epoch *epoch, struct matr_error *err)
{
	size_t n;
	const struct matr_epoch_result *results = matr_epoch_results(epoch, &n);

	if (err->code != MATR_ERROR_STATE || n != 1 || !results[0].reason)
		return false;
	matr_fail(err, MATR_ERROR_UNSUPPORTED, results[0].path, "%s", results[0].reason);
	return true;
}

static void free_named(struct begun *begun)
{
	for (size_t i = 0; begun->named && i < begun->request->n_programs; i++)
		free(begun->named[i]);
	free(begun->named);
	begun->named = NULL;
}

static int add_named(struct begun *begun, struct matr_error *err)
{
	const struct begin_request *request = begun->request;
	char path[PATH_MAX], canonical[PATH_MAX];
	size_t before, n;

	free_named(begun);
	begun->named = calloc(request->n_programs + 1, sizeof *begun->named);
	if (!begun->named)
		return matr_fail_memory(err);
	(void)matr_epoch_results(begun->epoch, &before);
	for (size_t i = 0; i < request->n_programs; i++) {
		const char *program = request->programs[i];
		if (program_find(program, path, NULL) == 0)
			program = path;
		if (matr_epoch_add(begun->epoch, program, err) != 0)
			return -1;
		begun->named[i] = strdup(realpath(program, canonical) ? canonical : program);
		if (!begun->named[i])
			return matr_fail_memory(err);
	}
	(void)matr_epoch_results(begun->epoch, &n);
	begun->after.added = n - before;
	begun->after.refreshed = request->n_programs - begun->after.added;
	return 0;
}

/* An epoch that is in force goes on with its programs, unless they are not wanted. */
static int add_programs(struct begun *begun, struct matr_error *err)
{
	const struct begin_request *request = begun->request;
	const struct begun_after *after = &begun->after;
	bool adds = !request->only && after->epoch;

	if ((!request->n_programs || (adds && !after->n)) &&
	    matr_epoch_scan(begun->epoch, &begun->scan, err) != 0)
		return -1;
	if (!request->only && matr_epoch_add_kept(begun->epoch, err) != 0)
		return -1;
	return request->n_programs ? add_named(begun, err) : 0;
}

/* Read the configuration file and portability of the epoch in force, to which programs are
 * added. */
static int look_at_epoch(struct begun *begun, struct matr_error *err)
{
	const struct begin_request *request = begun->request;
	const char *prefix = begun->options.prefix;
	char **programs;
	bool portable;

	int goes_on = matr_epoch_goes_on(prefix, err);
	if (goes_on <= 0)
		return goes_on;
	if (matr_epoch_programs(prefix, &programs, &begun->after.n, err) != 0)
		return -1;
	matr_epoch_programs_free(begun->after.programs); /* of a begin with a damaged store */
	begun->after.programs = programs;
	begun->after.epoch = matr_epoch_of_image(prefix);
	if (!begun->after.epoch)
		begun->after.epoch = -1; /* suspended */
	if (request->only || !request->n_programs)
		return 0;
	if (matr_epoch_last_options(prefix, begun->after.config, &portable, err) != 0)
		return -1;
	if (portable)
		begun->options.portable = true;
	if (!request->config && begun->after.config[0])
		begun->options.config = begun->after.config;
	return 0;
}

static int work(struct matr_epoch *epoch, int progress_fd, struct matr_error *err)
{
	double shown = progress_fd >= 0 ? 0 : now(); /* programs are told at once */
	struct matr_epoch_progress progress;
	int more;

	while ((more = matr_epoch_step(epoch, &progress, err)) > 0)
		show_progress(&shown, &progress, progress_fd);
	clear_progress();
	return more;
}

/* Find the edits that no trial has seen: those made with SQL, and those left out before. */
static int find_untried(struct begun *begun, struct matr_error *err)
{
	size_t n;
	const struct matr_edit *edits = matr_epoch_edits(begun->epoch, &n);

	begun->untried = calloc(n + 1, sizeof *begun->untried);
	if (!begun->untried)
		return matr_fail_memory(err);
	begun->n_untried = 0;
	for (size_t i = 0; i < n; i++)
		if (strcmp(edits[i].state, "new") == 0 || strcmp(edits[i].state, "failed") == 0)
			begun->untried[begun->n_untried++] = edits[i].id;
	return 0;
}

static bool is_untried(const struct begun *begun, int64_t edit)
{
	for (size_t i = 0; i < begun->n_untried; i++)
		if (begun->untried[i] == edit)
			return true;
	return false;
}

/* Leave out an edit with which a program dies. Returns 1 if the epoch has to begin again, 0 if all
 * is well. */
static int try_edits(struct begun *begun, struct matr_error *err)
{
	int64_t *blamed = NULL;
	size_t n = 0, left_out = 0;
	struct matr_error why = {0};

	if (!begun->n_untried ||
	    trial_of_edits(begun->epoch, begun->untried, begun->n_untried, &blamed, &n, &why) == 0)
		return 0;
	for (size_t i = 0; i < n && begun->n_left_out < LEFT_OUT_MAX; i++) {
		if (!is_untried(begun, blamed[i]))
			continue;
		begun->left_out[begun->n_left_out].edit = blamed[i];
		begun->left_out[begun->n_left_out].why = why;
		begun->n_left_out++;
		left_out++;
	}
	free(blamed);
	return left_out ? 1 : matr_error_copy(err, &why);
}

static int leave_out(const struct begun *begun, struct matr_error *err)
{
	for (size_t i = 0; i < begun->n_left_out; i++) {
		const struct matr_error *why = &begun->left_out[i].why;
		char reason[sizeof why->file + sizeof why->message + 2];
		snprintf(reason, sizeof reason, "%s: %s", why->file, why->message);
		if (matr_epoch_leave_out(begun->epoch, begun->left_out[i].edit, reason, err) != 0)
			return -1;
	}
	return 0;
}

/* Open the epoch and do all but the commit. */
static int prepare(struct begun *begun, struct matr_error *err)
{
	for (int again = 1; again;) {
		if (matr_epoch_open(&begun->options, &begun->epoch, err) != 0)
			return -1;
		again = find_untried(begun, err);
		if (again == 0 && (leave_out(begun, err) != 0 || add_programs(begun, err) != 0 ||
				   work(begun->epoch, begun->progress_fd, err) != 0))
			again = -1;
		if (again == 0)
			again = try_edits(begun, err);
		free(begun->untried);
		begun->untried = NULL;
		if (again)
			matr_epoch_close(begun->epoch);
		if (again < 0)
			return -1;
	}
	return 0;
}

/* Resolve all programs and commit. */
static int begin_once(struct begun *begun, struct matr_error *err)
{
	const struct begin_request *request = begun->request;

	if (look_at_epoch(begun, err) != 0 || prepare(begun, err) != 0)
		return -1;
	int result = matr_epoch_commit(begun->epoch, err);
	if (result != 0 && request->n_programs == 1 && only_declined(begun->epoch, err))
		goto fail;
	/* Of a whole system there are always some; a hook does not list them each time. */
	begun->declined =
		report_declined(begun, request->quiet && request->n_programs == 0 && !result);
	if (result == 0)
		return 0;
fail:
	matr_epoch_close(begun->epoch);
	return -1;
}

/* A damaged store is no loss, it can be made again from the programs: try a second time without. */
static int begin(struct begun *begun, struct matr_error *err)
{
	int result = begin_once(begun, err);

	if (result == 0 || err->code != MATR_ERROR_MALFORMED || begun->options.rebuild_store)
		return result;
	if (strcmp(path_name(err->file), MATR_STORE_FILE) != 0)
		return result;
	print_error(err);
	print_warning("%s: moved to " MATR_STORE_FILE ".damaged, starting a new one", err->file);
	begun->options.rebuild_store = true;
	return begin_once(begun, err);
}

/* ---- results ---- */

static int show_results(const struct begun *begun, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"program", COLUMN_LEFT},      {"objects", COLUMN_RIGHT},
		{"relocations", COLUMN_RIGHT}, {"relative", COLUMN_RIGHT},
		{"ifunc", COLUMN_RIGHT},       {"copies", COLUMN_RIGHT},
		{"residual", COLUMN_RIGHT},    {"image_bytes", COLUMN_RIGHT},
		{"declined", COLUMN_LEFT},
	};
	struct output output;
	size_t n;
	const struct matr_epoch_result *results = matr_epoch_results(begun->epoch, &n);

	output_open(&output, begun->request->format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		const struct matr_image_summary *summary = &results[i].summary;
		if (!is_wanted(begun, &results[i]))
			continue;
		output_text(&output, results[i].path);
		output_number(&output, (int64_t)summary->objects);
		output_number(&output, (int64_t)summary->relocations);
		output_number(&output, (int64_t)summary->relative);
		output_number(&output, (int64_t)summary->ifunc);
		output_number(&output, (int64_t)summary->copies);
		output_number(&output, (int64_t)summary->residual);
		output_number(&output, (int64_t)summary->new_bytes);
		output_text(&output, results[i].reason);
	}
	return output_close(&output, err);
}

/* Print the first line: what happens to the epoch that was in force. */
static void show_after(const struct begun *begun)
{
	const struct begun_after *after = &begun->after;
	const struct begin_request *request = begun->request;
	char whole[64], epoch[96];

	if (!after->epoch || (!request->n_programs && !after->n))
		return;
	if (after->n)
		snprintf(whole, sizeof whole, "%zu program%s", after->n, after->n == 1 ? "" : "s");
	else
		snprintf(whole, sizeof whole, "the whole system");
	if (after->epoch > 0)
		snprintf(epoch, sizeof epoch, "epoch %" PRId64 " (%s)", after->epoch, whole);
	else
		snprintf(epoch, sizeof epoch, "the suspended epoch (%s)", whole);
	if (request->only)
		printf("%s is replaced\n", epoch);
	else if (!request->n_programs)
		printf("the whole system is added to %s\n", epoch);
	else
		printf("%zu program%s added to %s, %zu refreshed\n", after->added,
		       after->added == 1 ? "" : "s", epoch, after->refreshed);
}

/* Print what a scan passed over, as one line. */
static void show_skipped(const struct matr_scan *scan)
{
	const char *separator = "skipped: ";

	for (int kind = 0; kind < MATR_SCAN_KINDS; kind++) {
		if (kind == MATR_SCAN_PROGRAM || !scan->skipped[kind])
			continue;
		printf("%s%zu %s", separator, scan->skipped[kind], matr_scan_kind_name(kind));
		separator = ", ";
	}
	if (scan->n_unreadable)
		printf("%s%zu directories that cannot be read", separator, scan->n_unreadable);
	if (separator[0] == ',' || scan->n_unreadable)
		putchar('\n');
}

static uint64_t file_size(const char *prefix, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	if (snprintf(path, sizeof path, "%s/%s", prefix, name) >= (int)sizeof path ||
	    stat(path, &status) != 0)
		return 0;
	return (uint64_t)status.st_size;
}

struct compared { /* files that had other times or another inode */
	size_t n, differ;
};

static const char *compared_text(const struct compared *compared, char text[80])
{
	text[0] = 0;
	if (!compared->n)
		return text;
	int at = snprintf(text, 80, "%zu file%s compared by content", compared->n,
			  compared->n == 1 ? "" : "s");
	if (compared->differ)
		snprintf(text + at, 80 - (size_t)at, " (%zu changed)", compared->differ);
	strncat(text, ", ", 80 - strlen(text) - 1);
	return text;
}

/* One line for people, after the table. */
static void show_epoch(const char *prefix, int64_t id, const struct compared *compared,
		       double seconds)
{
	struct matr_store_epoch epoch;
	struct matr_store *store;
	char store_size[32], image_size[32], loads[80] = "", content[80];

	if (matr_store_open(prefix, &store, NULL) != 0)
		return;
	if (matr_store_epoch(store, id, &epoch, NULL) != 0) {
		matr_store_close(store);
		return;
	}
	if (epoch.closures)
		snprintf(loads, sizeof loads, "%zu loads (%zu left to ld.so), ", epoch.closures,
			 epoch.closures_left);
	printf("epoch %" PRId64 ": %zu programs (%zu as before), %s%zu declined, "
	       "%zu objects, %sstore %s, image %s, %.2f s\n",
	       id, epoch.applications, epoch.carried, loads, epoch.declined, epoch.objects,
	       compared_text(compared, content),
	       output_bytes(file_size(prefix, MATR_STORE_FILE), store_size),
	       output_bytes(file_size(prefix, MATR_IMAGE_FILE), image_size), seconds);
	matr_store_close(store);
}

/* Warn about an ld.so that cannot be served: programs start plainly then. */
static void warn_if_unserved(const char *prefix)
{
	char path[PATH_MAX];
	struct matr_loader_config config;

	if (snprintf(path, sizeof path, "%s/" MATR_INTERPRETER_FILE, prefix) < (int)sizeof path &&
	    matr_loader_identify(path, &config, NULL) == 1 && config.unserved[0])
		print_warning("ld.so's calls cannot be served: %s", config.unserved);
}

/* ---- by matrd ---- */

static void show_matrds_progress(void *shown, const struct matr_epoch_progress *progress)
{
	if (terminal_shows_progress())
		show_progress(shown, progress, -1);
}

/* A path that means the same in another working directory. NULL: out of memory, or there is none
 * given. */
static char *absolute(const char *path)
{
	char real[PATH_MAX];

	return path ? strdup(realpath(path, real) ? real : path) : NULL;
}

/* The same for a program, which keeps its symbolic links. */
static char *absolute_program(const char *name)
{
	char path[PATH_MAX], here[PATH_MAX], *out;

	if (program_find(name, path, NULL) == 0)
		name = path;
	bool relative = name[0] != '/' && getcwd(here, sizeof here);
	return asprintf(&out, "%s%s%s", relative ? here : "", relative ? "/" : "", name) < 0 ? NULL
											     : out;
}

/* The request as matrd is to have it; NULL: out of memory. */
static struct json_object *request_for_matrd(const struct begin_request *request)
{
	struct begin_request sent = *request;
	char *config = absolute(request->config), *ld_stable = absolute(request->ld_stable);
	char **programs = calloc(request->n_programs + 1, sizeof *programs);
	bool made = programs && !config == !request->config && !ld_stable == !request->ld_stable;

	for (size_t i = 0; i < request->n_programs && made; i++)
		made = (programs[i] = absolute_program(request->programs[i])) != NULL;
	sent.config = config;
	sent.ld_stable = ld_stable;
	sent.programs = (const char *const *)programs;
	struct json_object *object = made ? begin_request_to_json(&sent) : NULL;
	for (size_t i = 0; i < request->n_programs && programs; i++)
		free(programs[i]);
	free(programs);
	free(config);
	free(ld_stable);
	return object;
}

/* The exit status; -1: there is no matrd. */
static int begin_by_matrd(const char *prefix, const struct begin_request *request)
{
	struct matr_error err = {0};
	double shown = 0;
	int fd = matrd_connect(prefix);

	if (fd < 0)
		return -1;
	int status = -1;
	struct json_object *object = request_for_matrd(request);
	if (object) {
		status = matrd_do(fd, object, show_matrds_progress, &shown, &err);
	} else {
		close(fd);
		matr_fail_memory(&err);
	}
	clear_progress();
	if (status < 0)
		print_error(&err);
	return status < 0 ? STATUS_FAILURE : status;
}

/* ---- here ---- */

/* Name the programs that the epoch was begun for and that are not there any more. */
static void report_gone(const struct begun *begun)
{
	const struct begun_after *after = &begun->after;

	for (size_t i = 0; i < after->n && !begun->request->only; i++)
		if (access(after->programs[i], F_OK) != 0)
			print_warning("%s: is gone, and leaves the epoch", after->programs[i]);
}

/* Print what became of it, and close the epoch. Returns the exit status. */
static int finish(struct begun *begun, double start)
{
	const struct begin_request *request = begun->request;
	bool edits_fail = rebind_report(begun->epoch) != 0;
	int status = edits_fail || begun->declined ? STATUS_DECLINED : STATUS_OK;
	double seconds = now() - start;
	/* A thousand rows are for programs to read. */
	bool rows = request->format != FORMAT_TABLE || request->n_programs != 0;
	struct matr_error err = {0};

	if (!request->quiet)
		report_gone(begun);
	if (!request->quiet && request->format == FORMAT_TABLE)
		show_after(begun);
	if (!request->quiet && rows && show_results(begun, &err) != 0) {
		print_error(&err);
		status = STATUS_FAILURE;
	}
	if (!request->quiet && !rows)
		show_skipped(begun->scan);
	int64_t id = matr_epoch_id(begun->epoch);
	struct compared compared;
	compared.n = matr_epoch_compared(begun->epoch, &compared.differ);
	matr_epoch_close(begun->epoch); /* folds the journal into the store, whose size is shown */
	if (!request->quiet && request->format == FORMAT_TABLE)
		show_epoch(begun->options.prefix, id, &compared, seconds);
	if (!request->quiet)
		warn_if_unserved(begun->options.prefix);
	return status;
}

static int begin_here(struct begun *begun, const char *root, struct matr_error *err)
{
	char ld_stable[PATH_MAX], copied[PATH_MAX];

	if (!begun->options.ld_stable) {
		if (program_ld_stable(ld_stable, err) != 0)
			return -1;
		begun->options.ld_stable = ld_stable;
	}
	if (root) {
		if (root_enter(root, begun->options.ld_stable, copied, err) != 0)
			return -1;
		begun->options.ld_stable = copied;
	}
	double start = now();
	umask(022); /* processes of all users read the image */
	int result = begin(begun, err);
	if (root)
		unlink(copied);
	return result == 0 ? finish(begun, start) : -1;
}

static int run(const char *prefix, const struct begin_request *request,
	       const struct only_here *here)
{
	bool portable = here->portable || here->root;
	struct begun begun = {
		.request = request,
		.options = {.prefix = prefix,
			    .ld_stable = request->ld_stable,
			    .config = request->config,
			    .cause = request->cause,
			    .wait = request->wait,
			    .jobs = request->jobs,
			    .portable = portable,
			    .rebuild_store = request->rebuild_store,
			    .with_summaries = request->format != FORMAT_TABLE && !request->quiet},
		.progress_fd = here->progress ? atoi(here->progress) : -1,
	};
	struct matr_error err = {0};

	int status = here->no_daemon || portable ? -1 : begin_by_matrd(prefix, request);
	if (status >= 0)
		return status;
	status = begin_here(&begun, here->root, &err);
	free_named(&begun);
	matr_epoch_programs_free(begun.after.programs);
	if (status < 0)
		print_error(&err);
	return status < 0 ? STATUS_FAILURE : status;
}

int epoch_begin(const char *prefix, const struct begin_request *request)
{
	return run(prefix, request, &(struct only_here){.root = NULL});
}

/* The default cause. matrd's clients send theirs. */
static const char *cause_of(const struct only_here *here, char cause[MATR_STORE_CAUSE_MAX])
{
	if (here->progress)
		snprintf(cause, MATR_STORE_CAUSE_MAX, "matrd: a request without a cause");
	else
		cause_user(cause);
	return cause;
}

int command_epoch_begin(const struct context *context, int argc, char **argv)
{
	struct begin_request request = {.config = NULL};
	struct only_here here = {.root = NULL};
	const char *prefix = context->prefix;
	char cause[MATR_STORE_CAUSE_MAX];
	struct option_row rows[BEGIN_REQUEST_FIELDS + 6] = {
		{"root", .text = &here.root, .argument = "DIR",
		 .help = "for the system in DIR, which is not running: an image that is built. "
			 "Prefix, configuration and programs are paths in it; the epoch holds in "
			 "copies of DIR too, and depends on nothing of this machine",
		 .completes = COMPLETES_DIRECTORY},
		{"portable", .flag = &here.portable,
		 .help = "the same for this system: the epoch holds in copies of it too"},
		{"no-daemon", .flag = &here.no_daemon,
		 .help = "do it here, even where matrd runs for the prefix"},
		{"progress", .text = &here.progress, .argument = "FD",
		 .help = "write \"DONE ALL WHAT\" lines to the file descriptor"},
		option_prefix(&prefix),
	};
	const struct options options = {.command = "epoch begin",
					.help = begin_help,
					.after = begin_help_after,
					.arguments = {COMPLETES_EXECUTABLE},
					.rows = rows};
	int status;

	begin_request_rows(&request, rows + 5);
	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (here.progress && here.progress[strspn(here.progress, "0123456789")])
		return usage_error_because("epoch begin", "no file descriptor", here.progress);
	request.programs = (const char *const *)(argv + at);
	request.n_programs = (size_t)(argc - at);
	if (!request.cause)
		request.cause = cause_of(&here, cause);
	return run(prefix, &request, &here);
}
