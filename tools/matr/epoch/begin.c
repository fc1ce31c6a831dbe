/* command_epoch_begin.c - matr epoch begin: by matrd where it runs, else here; what became of the programs. */
#include "common/matrd_client.h"
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "matr/command.h"
#include "matr/namespace/root.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/scan.h>

static const char begin_help[] =
	"usage: matr epoch begin [OPTION]... [PROGRAM]...\n"
	"\n"
	"Compute the relocation mapping of the programs (paths, or names found on PATH; without "
	"any,\n"
	"of every dynamically linked program of the system, see matr.conf(5)) and put it in force, "
	"in\n"
	"the place of an epoch that was. A program that cannot be mapped is declined: it starts "
	"as\n"
	"always, and `matr epoch status` has the reason.\n"
	"\n"
	"  --config FILE     instead of /etc/matr.conf\n"
	"  -j, --jobs N      threads that work at once (else as many as there are cores)\n"
	"  --ld-stable FILE  the loader to install in the prefix (else the one beside matr)\n"
	"  --wait            wait for another begin or end to finish\n"
	"  --root DIR        for the system in DIR, which is not running: an image that is built.\n"
	"                    Prefix, configuration and programs are paths in it; the epoch holds "
	"in\n"
	"                    copies of DIR too, and depends on nothing of this machine\n"
	"  --portable        the same for this system: the epoch holds in copies of it too\n"
	"  --no-daemon       do it here, even where matrd runs for the prefix\n"
	"  --progress FD     write \"DONE ALL WHAT\" lines to the file descriptor\n"
	"  --rebuild-store   move the store aside and begin with a new one\n"
	"  --format FORMAT   table (default), json or csv: one row per program (a table only of\n"
	"                    programs that were named)\n"
	"  -q, --quiet       print nothing where all went well\n"
	"  -h, --help        this text\n"
	"\n"
	"A damaged store is moved aside (to store.db.damaged) and made anew without being asked;\n"
	"one that a newer MatR has written only with --rebuild-store.\n"
	"\n"
	"Exit status: 0 begun; 1 failure, and nothing has changed; 2 usage; 3 begun, but some\n"
	"programs were declined, or some edit (matr-rebind(1)) could not be applied.\n"
	"\n"
	"  matr epoch begin\n"
	"  matr epoch begin bash git /usr/lib/libreoffice/program/soffice.bin\n"
	"  matr --prefix ~/.matr epoch begin clang\n"
	"  matr epoch begin --root /srv/image\n";

struct begin_options {
	struct matr_epoch_options epoch;
	enum output_format format;
	bool quiet, no_daemon;
	int progress_fd; /* to tell matrd; -1: show it to people */
	char **programs; /* as the user named them; none: the whole system's */
	size_t n_programs;
	const struct matr_scan *scan; /* what it found, while the epoch is open */
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
	const int width = sizeof bar - 1;
	double time = now();

	if (time - *shown < (fd >= 0 || isatty(STDERR_FILENO) ? 0.05 : 60))
		return;
	*shown = time;
	if (fd >= 0) {
		dprintf(fd, "%zu %zu %s\n", progress->done, progress->all, progress->what);
		return;
	}
	if (!isatty(STDERR_FILENO)) {
		fprintf(stderr, "matr: %s: %zu of %zu\n", progress->what, progress->done,
			progress->all);
		return;
	}
	size_t all = progress->all ? progress->all : 1;
	int filled = (int)((size_t)width * progress->done / all);
	fprintf(stderr, "\r%-20s [%.*s%*s] %zu of %zu\033[K", progress->what, filled, bar,
		width - filled, "", progress->done, progress->all);
}

static void clear_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* Say which programs were declined and why; `quiet`: nothing is said. Returns how many. */
static size_t report_declined(const struct matr_epoch *epoch, bool quiet)
{
	enum { SHOWN = 20 };
	size_t n, declined = 0;
	const struct matr_epoch_result *results = matr_epoch_results(epoch, &n);

	for (size_t i = 0; i < n; i++) {
		if (results[i].application)
			continue;
		if (declined++ < SHOWN && !quiet)
			print_warning("%s: declined: %s", results[i].path, results[i].reason);
	}
	if (declined > SHOWN && !quiet)
		print_warning("%zu more programs were declined; `matr epoch status` lists them",
			      declined - SHOWN);
	return declined;
}

/* Where the only program was declined, that is what went wrong, and all that is to be said. */
static bool only_declined(const struct matr_epoch *epoch, struct matr_error *err)
{
	size_t n;
	const struct matr_epoch_result *results = matr_epoch_results(epoch, &n);

	if (err->code != MATR_ERROR_STATE || n != 1 || !results[0].reason)
		return false;
	matr_fail(err, MATR_ERROR_UNSUPPORTED, results[0].path, "%s", results[0].reason);
	return true;
}

static int add_programs(struct begin_options *options, struct matr_epoch *epoch,
			struct matr_error *err)
{
	char path[PATH_MAX];

	if (options->n_programs == 0)
		return matr_epoch_scan(epoch, &options->scan, err);
	for (size_t i = 0; i < options->n_programs; i++) {
		bool found = program_find(options->programs[i], path, NULL) == 0;
		if (matr_epoch_add(epoch, found ? path : options->programs[i], err) != 0)
			return -1;
	}
	return 0;
}

static int work(struct matr_epoch *epoch, int progress_fd, struct matr_error *err)
{
	double shown = now();
	struct matr_epoch_progress progress;
	int more;

	while ((more = matr_epoch_step(epoch, &progress, err)) > 0)
		show_progress(&shown, &progress, progress_fd);
	clear_progress();
	return more;
}

/* Resolve all programs and commit. */
static int begin_once(struct begin_options *options, struct matr_epoch **out, size_t *declined,
		      struct matr_error *err)
{
	struct matr_epoch *epoch;

	if (matr_epoch_open(&options->epoch, &epoch, err) != 0)
		return -1;
	if (add_programs(options, epoch, err) != 0 || work(epoch, options->progress_fd, err) != 0)
		goto fail;
	int result = matr_epoch_commit(epoch, err);
	if (result != 0 && options->n_programs == 1 && only_declined(epoch, err))
		goto fail;
	/* Of a whole system there are always some; a hook does not list them each time. */
	*declined = report_declined(epoch, options->quiet && options->n_programs == 0 && !result);
	if (result != 0)
		goto fail;
	*out = epoch;
	return 0;
fail:
	matr_epoch_close(epoch);
	return -1;
}

/* A damaged store is no loss, it can be made again from the programs: try a second time without. */
static int begin(struct begin_options *options, struct matr_epoch **out, size_t *declined,
		 struct matr_error *err)
{
	int result = begin_once(options, out, declined, err);

	if (result == 0 || err->code != MATR_ERROR_MALFORMED || options->epoch.rebuild_store)
		return result;
	const char *name = strrchr(err->file, '/');
	if (!name || strcmp(name + 1, MATR_STORE_FILE) != 0)
		return result;
	print_error(err);
	print_warning("%s: moved to " MATR_STORE_FILE ".damaged, starting a new one", err->file);
	options->epoch.rebuild_store = true;
	return begin_once(options, out, declined, err);
}

static int show_results(const struct begin_options *options, struct matr_epoch *epoch,
			struct matr_error *err)
{
	static const struct output_column columns[] = {
		{"program", CELL_TEXT},	      {"objects", CELL_NUMBER},
		{"relocations", CELL_NUMBER}, {"relative", CELL_NUMBER},
		{"ifunc", CELL_NUMBER},	      {"copies", CELL_NUMBER},
		{"residual", CELL_NUMBER},    {"image_bytes", CELL_NUMBER},
		{"declined", CELL_TEXT},
	};
	struct output output;
	size_t n;
	const struct matr_epoch_result *results = matr_epoch_results(epoch, &n);

	output_open(&output, options->format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		const struct matr_image_summary *summary = &results[i].summary;
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

/* What a scan passed over, as one line. */
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

/* One line for people, after the table. */
static void show_epoch(const char *prefix, int64_t id, double seconds)
{
	struct matr_store_epoch epoch;
	struct matr_store *store;
	char store_size[32], image_size[32], loads[80] = "";

	if (matr_store_open(prefix, MATR_STORE_READ, &store, NULL) != 0)
		return;
	if (matr_store_epoch(store, id, &epoch, NULL) != 0) {
		matr_store_close(store);
		return;
	}
	if (epoch.closures)
		snprintf(loads, sizeof loads, "%zu loads (%zu left to ld.so), ", epoch.closures,
			 epoch.closures_left);
	printf("epoch %" PRId64 ": %zu applications (%zu as before), %s%zu declined, "
	       "%zu objects, store %s, image %s, %.2f s\n",
	       id, epoch.applications, epoch.carried, loads, epoch.declined, epoch.objects,
	       output_bytes(file_size(prefix, MATR_STORE_FILE), store_size),
	       output_bytes(file_size(prefix, MATR_IMAGE_FILE), image_size), seconds);
	matr_store_close(store);
}

/* ---- by matrd ---- */

static void show_daemons_progress(const struct matr_epoch_progress *progress)
{
	static double shown;

	if (isatty(STDERR_FILENO))
		show_progress(&shown, progress, -1);
}

static void add_text(struct json_object *request, const char *key, const char *text)
{
	if (text)
		json_object_object_add(request, key, json_object_new_string(text));
}

/* A path that means the same to matrd, whose working directory is another. */
static void add_path(struct json_object *request, const char *key, const char *path)
{
	char absolute[PATH_MAX];

	add_text(request, key, path && realpath(path, absolute) ? absolute : path);
}

/* The exit status; -1: there is no matrd. */
static int begin_by_daemon(struct begin_options *options, struct matr_error *err)
{
	static const char *const formats[] = {
		[FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_CSV] = "csv"};
	char path[PATH_MAX], here[PATH_MAX], absolute[2 * PATH_MAX];
	int fd = daemon_connect(options->epoch.prefix);

	if (fd < 0)
		return -1;
	struct json_object *request = json_object_new_object();
	struct json_object *programs = json_object_new_array();
	add_text(request, "request", "begin");
	add_path(request, "config", options->epoch.config);
	add_path(request, "ld_stable", options->epoch.ld_stable);
	add_text(request, "format", formats[options->format]);
	if (options->epoch.jobs) {
		snprintf(path, sizeof path, "%u", options->epoch.jobs);
		add_text(request, "jobs", path);
	}
	json_object_object_add(request, "wait", json_object_new_boolean(options->epoch.wait));
	json_object_object_add(request, "rebuild_store",
			       json_object_new_boolean(options->epoch.rebuild_store));
	json_object_object_add(request, "quiet", json_object_new_boolean(options->quiet));
	for (size_t i = 0; i < options->n_programs; i++) {
		const char *program = options->programs[i];
		if (program_find(program, path, NULL) == 0)
			program = path;
		bool relative = program[0] != '/' && getcwd(here, sizeof here);
		snprintf(absolute, sizeof absolute, "%s%s%s", relative ? here : "",
			 relative ? "/" : "", program);
		json_object_array_add(programs, json_object_new_string(absolute));
	}
	json_object_object_add(request, "programs", programs);
	int status = daemon_do(fd, request, show_daemons_progress, err);
	clear_progress();
	if (status < 0)
		print_error(err);
	return status < 0 ? STATUS_FAILURE : status;
}

int command_epoch_begin(const struct context *context, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"jobs", required_argument, NULL, 'j'},
		{"ld-stable", required_argument, NULL, 'l'},
		{"wait", no_argument, NULL, 'w'},
		{"root", required_argument, NULL, 'R'},
		{"portable", no_argument, NULL, 'P'},
		{"no-daemon", no_argument, NULL, 'N'},
		{"progress", required_argument, NULL, 'g'},
		{"rebuild-store", no_argument, NULL, 'r'},
		{"format", required_argument, NULL, 'f'},
		{"quiet", no_argument, NULL, 'q'},
		{"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct begin_options options = {.epoch.prefix = context->prefix, .progress_fd = -1};
	const char *root = NULL;
	char ld_stable[PATH_MAX], taken_along[PATH_MAX];
	struct matr_error err = {0};
	struct matr_epoch *epoch;
	size_t declined;
	int option;

	while ((option = getopt_long(argc, argv, "hqj:", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.epoch.config = optarg;
			break;
		case 'j':
			if (!parse_jobs(optarg, &options.epoch.jobs))
				return usage_error_because("epoch begin", "no number of jobs",
							   optarg);
			break;
		case 'l':
			options.epoch.ld_stable = optarg;
			break;
		case 'w':
			options.epoch.wait = true;
			break;
		case 'R':
			root = optarg;
			options.epoch.portable = true;
			break;
		case 'P':
			options.epoch.portable = true;
			break;
		case 'N':
			options.no_daemon = true;
			break;
		case 'g':
			options.progress_fd = atoi(optarg);
			break;
		case 'r':
			options.epoch.rebuild_store = true;
			break;
		case 'f':
			if (!output_format_parse(optarg, &options.format))
				return usage_error_because("epoch begin", "no such format", optarg);
			break;
		case 'q':
			options.quiet = true;
			break;
		case 'p':
			options.epoch.prefix = optarg;
			break;
		case 'h':
			fputs(begin_help, stdout);
			return STATUS_OK;
		default:
			return usage_error("epoch begin");
		}
	}
	options.programs = argv + optind;
	options.n_programs = (size_t)(argc - optind);
	if (!options.no_daemon && !options.epoch.portable) {
		int status = begin_by_daemon(&options, &err);
		if (status >= 0)
			return status;
	}
	if (!options.epoch.ld_stable) {
		if (program_ld_stable(ld_stable, &err) != 0) {
			print_error(&err);
			return STATUS_FAILURE;
		}
		options.epoch.ld_stable = ld_stable;
	}
	if (root) {
		if (root_enter(root, options.epoch.ld_stable, taken_along, &err) != 0) {
			print_error(&err);
			return STATUS_FAILURE;
		}
		options.epoch.ld_stable = taken_along;
	}
	double start = now();
	umask(022); /* everybody's processes read the image */
	int begun = begin(&options, &epoch, &declined, &err);
	if (root)
		unlink(taken_along);
	if (begun != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	int status = report_edits(epoch, false) || declined ? STATUS_DECLINED : STATUS_OK;
	double seconds = now() - start;
	/* A thousand rows are for programs to read. */
	bool rows = options.format != FORMAT_TABLE || options.n_programs != 0;
	if (!options.quiet && rows && show_results(&options, epoch, &err) != 0) {
		print_error(&err);
		status = STATUS_FAILURE;
	}
	if (!options.quiet && !rows)
		show_skipped(options.scan);
	int64_t id = matr_epoch_id(epoch);
	matr_epoch_close(epoch); /* folds the journal into the store, whose size is shown */
	if (!options.quiet && options.format == FORMAT_TABLE)
		show_epoch(options.epoch.prefix, id, seconds);
	return status;
}
