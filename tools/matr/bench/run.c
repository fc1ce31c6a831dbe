/* run.c - the measurement of `matr bench`: an epoch, two processes that measure, rounds in turns.
 *
 * Whatever disturbs the machine disturbs both alike if they take turns. So a round is one start
 * with each of the two dynamic linkers, who is first alternates, and the ratios are within rounds.
 */
#include "common/program.h"
#include "common/progress.h"
#include "common/safe.h"
#include "common/temporary_prefix.h"
#include "matr/bench/bench.h"
#include "matr/bench/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/object.h>
#include <matr/store.h>

enum { ROUNDS_USUAL = 100, SECONDS_USUAL = 10 };

struct bench {
	const struct bench_options *options;
	struct bench_result *result;
	char **arguments; /* the first is the program's path */
	char interpreter[PATH_MAX];
	char temporary[PATH_MAX]; /* a prefix; "": there is none */
	int signals;		  /* of the user, to be read */
	struct worker workers[BENCH_LINKERS];
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the program ---- */

static bool starts_with(const char *path, const char *magic)
{
	char bytes[4] = "";
	FILE *file = fopen(path, "re");
	size_t length = strlen(magic);
	bool found = file && fread(bytes, 1, length, file) == length &&
		     memcmp(bytes, magic, length) == 0;

	if (file)
		fclose(file);
	return found;
}

static int check_program(const char *path, char interpreter[PATH_MAX], struct matr_error *err)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return matr_fail_errno(err, path, "cannot be read");
	if (!S_ISREG(status.st_mode))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path, "is not a regular file");
	if ((status.st_mode & (S_ISUID | S_ISGID)) && geteuid() != 0)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
				 "is set-user-ID or set-group-ID, which cannot be measured");
	int dynamic = matr_program_interpreter(path, interpreter, err);
	if (dynamic > 0)
		return 0;
	if (dynamic < 0)
		return -1;
	if (starts_with(path, "#!"))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
				 "is a script: measure the program that interprets it, "
				 "with the script as its argument");
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
			 "is not dynamically linked: there is nothing to gain");
}

/* ---- the epoch ---- */

/* The epoch of the prefix that is in force and has the program; 0: there is none. */
static int64_t find_epoch(const char *prefix, const char *path)
{
	struct matr_store_epoch epoch;
	struct matr_store *store;
	int64_t application, id = 0;

	if (matr_epoch_of_image(prefix) == 0 || matr_store_open(prefix, &store, NULL) != 0)
		return 0;
	if (matr_epoch_current(prefix, store, &epoch, NULL) == 0 &&
	    matr_store_find(store, epoch.id, path, &application, NULL) == 0)
		id = epoch.id;
	matr_store_close(store);
	return id;
}

static int begin_epoch(const struct bench *bench, struct matr_error *err)
{
	char ld_stable[PATH_MAX];
	const struct matr_epoch_options options = {.prefix = bench->temporary,
						   .ld_stable = ld_stable};
	struct matr_epoch *epoch;
	size_t n;

	if (program_ld_stable(ld_stable, err) != 0 || matr_epoch_open(&options, &epoch, err) != 0)
		return -1;
	int result = matr_epoch_add(epoch, bench->arguments[0], err);
	if (result == 0)
		result = matr_epoch_commit(epoch, err);
	const struct matr_epoch_result *results = matr_epoch_results(epoch, &n);
	if (result != 0 && err->code == MATR_ERROR_STATE && n == 1 && results[0].reason)
		matr_fail(err, MATR_ERROR_UNSUPPORTED, results[0].path, "cannot be mapped: %s",
			  results[0].reason);
	matr_epoch_close(epoch);
	return result;
}

static int begin_in_child(const void *context, int fd)
{
	struct matr_error err = {0};

	return begin_epoch(context, &err) == 0 ||
			       send(fd, &err, sizeof err, MSG_NOSIGNAL) != sizeof err
		       ? 0
		       : 1;
}

/* Begin an epoch for the program alone: in a child, which a signal can end at any time. */
static int make_epoch(struct bench *bench, struct matr_error *err)
{
	struct worker child;
	struct matr_error problem;

	if (temporary_prefix_make("bench", bench->temporary, err) != 0)
		return -1;
	int result = worker_fork(begin_in_child, bench, &child, err);
	if (result != 0)
		return result;
	result = worker_wait(&child, bench->signals);
	if (result == 0 &&
	    recv(child.fd, &problem, sizeof problem, MSG_WAITALL) == (ssize_t)sizeof problem)
		result = matr_error_copy(err, &problem);
	worker_stop(&child);
	bench->result->temporary = true;
	bench->result->epoch = 0;
	return result;
}

/* ---- the workers ---- */

static int start_worker(struct bench *bench, int linker, const char *prefix, struct matr_error *err)
{
	const struct worker_program program = {
		.arguments = bench->arguments,
		.interpreter = bench->interpreter,
		.prefix = linker == BENCH_MATR ? prefix : NULL,
	};
	return worker_start(&program, &bench->workers[linker], err);
}

/* Start the worker with MatR, and see whether the mapping is applied at all. */
static int start_mapped(struct bench *bench, const char *prefix, struct matr_error *err)
{
	struct worker_answer answer;

	int result = start_worker(bench, BENCH_MATR, prefix, err);
	if (result == 0)
		result = worker_ask(&bench->workers[BENCH_MATR], WORKER_SAID, bench->signals,
				    &answer, err);
	if (result != 0)
		return result;
	snprintf(bench->result->said, sizeof bench->result->said, "%s", answer.said);
	if (strncmp(answer.said, "applied ", 8) != 0)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, bench->arguments[0],
				 "starts without its mapping: %.300s",
				 answer.said[0] ? answer.said : "ld-stable is not its loader");
	return 0;
}

/* The epoch in force is another user's, or its mapping of the program is not applied: then measure
 * with a temporary epoch of our own. */
static int start_workers(struct bench *bench, struct matr_error *err)
{
	struct matr_error why;

	int result = -1;
	bench->result->epoch = find_epoch(bench->options->prefix, bench->arguments[0]);
	if (bench->result->epoch)
		result = start_mapped(bench, bench->options->prefix, &why);
	if (result < 0) {
		worker_stop(&bench->workers[BENCH_MATR]);
		result = make_epoch(bench, err);
		if (result == 0)
			result = start_mapped(bench, bench->temporary, err);
	}
	return result != 0 ? result : start_worker(bench, BENCH_LD_SO, NULL, err);
}

/* ---- rounds ---- */

struct samples {
	double *loader[BENCH_LINKERS], *whole[BENCH_LINKERS];
	double *scratch;
	size_t n;
};

static void samples_free(struct samples *samples)
{
	for (int linker = 0; linker < BENCH_LINKERS; linker++) {
		free(samples->loader[linker]);
		free(samples->whole[linker]);
	}
	free(samples->scratch);
}

static int samples_make(struct samples *samples, size_t most, struct matr_error *err)
{
	bool failed = !(samples->scratch = calloc(most, sizeof(double)));

	for (int linker = 0; linker < BENCH_LINKERS; linker++) {
		samples->loader[linker] = calloc(most, sizeof(double));
		samples->whole[linker] = calloc(most, sizeof(double));
		failed |= !samples->loader[linker] || !samples->whole[linker];
	}
	return failed ? matr_fail_memory(err) : 0;
}

static int measure_once(struct bench *bench, int linker, struct samples *samples,
			struct matr_error *err)
{
	struct worker *worker = &bench->workers[linker];
	struct worker_answer answer;

	int result = worker_ask(worker, WORKER_LOAD, bench->signals, &answer, err);
	if (result != 0)
		return result;
	const struct measured_load *load = &answer.load;
	int64_t loaded = load->relocated >= 0 ? load->relocated : load->entry;
	samples->loader[linker][samples->n] = (double)loaded / 1e9;
	if (bench->options->start_only)
		return 0;
	result = worker_ask(worker, WORKER_WHOLE, bench->signals, &answer, err);
	samples->whole[linker][samples->n] = (double)answer.whole / 1e9;
	return result;
}

static struct bench_times summarize(struct samples *samples, double *const times[BENCH_LINKERS])
{
	struct bench_times summary;
	size_t bytes = samples->n * sizeof(double);

	for (size_t i = 0; i < samples->n; i++)
		samples->scratch[i] =
			times[BENCH_MATR][i] > 0 ? times[BENCH_LD_SO][i] / times[BENCH_MATR][i] : 1;
	summary.ratio = estimate_median(samples->scratch, samples->n);
	for (int linker = 0; linker < BENCH_LINKERS; linker++) {
		memcpy(samples->scratch, times[linker], bytes);
		summary.seconds[linker] = estimate_median(samples->scratch, samples->n).median;
	}
	return summary;
}

static void show_progress(const struct bench *bench, struct samples *samples, size_t most)
{
	if (!bench->options->progress)
		return;
	double ratio = summarize(samples, samples->loader).ratio.median;
	progress_line("%s: round %zu of %zu at most, loader %.1f times less", bench->arguments[0],
		      samples->n, most, ratio);
}

static int take_turns(struct bench *bench, struct samples *samples, size_t most,
		      struct matr_error *err)
{
	double begun = now(), shown = begun;
	int result = 0;

	while (result == 0 && samples->n < most) {
		double time = now();
		if (!bench->options->rounds && samples->n >= ESTIMATE_LEAST &&
		    time - begun >= SECONDS_USUAL)
			break;
		if (samples->n && time - shown >= 0.5) {
			show_progress(bench, samples, most);
			shown = time;
		}
		int first = (int)(samples->n % BENCH_LINKERS);
		for (int i = 0; i < BENCH_LINKERS && result == 0; i++)
			result = measure_once(bench, (first + i) % BENCH_LINKERS, samples, err);
		samples->n += result == 0;
	}
	if (bench->options->progress && shown > begun)
		progress_line("%s", "");
	return result;
}

/* Page faults and memory, which differ little from run to run. */
static int look_at_memory(struct bench *bench, struct matr_error *err)
{
	struct bench_result *out = bench->result;
	bool start_only = bench->options->start_only;
	int statuses[BENCH_LINKERS] = {0};

	for (int linker = 0; linker < BENCH_LINKERS; linker++) {
		struct worker_answer answer;
		int result = worker_ask(&bench->workers[linker],
					start_only ? WORKER_ENTRY : WORKER_MEMORY, bench->signals,
					&answer, err);
		if (result != 0)
			return result;
		out->faults[linker] = start_only ? answer.entry.faults : answer.memory.faults;
		out->private_kb[linker] = start_only ? answer.entry.dirty : answer.memory.dirty;
		statuses[linker] = answer.status;
	}
	out->status = statuses[BENCH_LD_SO];
	if (statuses[BENCH_LD_SO] != statuses[BENCH_MATR])
		return matr_fail(err, MATR_ERROR_STATE, bench->arguments[0],
				 "ends with status 0x%x with ld.so and 0x%x with MatR: "
				 "there is no comparison",
				 (unsigned)statuses[BENCH_LD_SO], (unsigned)statuses[BENCH_MATR]);
	return 0;
}

static int measure(struct bench *bench, struct matr_error *err)
{
	const struct bench_options *options = bench->options;
	size_t most = options->rounds ? options->rounds : ROUNDS_USUAL;
	struct samples samples = {.n = 0};

	int result = start_workers(bench, err);
	if (result == 0) /* the first run of each, which finds cold files */
		result = look_at_memory(bench, err);
	if (result == 0)
		result = look_at_memory(bench, err);
	if (result == 0)
		result = samples_make(&samples, most, err);
	if (result == 0)
		result = take_turns(bench, &samples, most, err);
	if (result == 0) {
		bench->result->rounds = samples.n;
		bench->result->loader = summarize(&samples, samples.loader);
		bench->result->has_whole = !options->start_only;
		if (bench->result->has_whole)
			bench->result->whole = summarize(&samples, samples.whole);
	}
	samples_free(&samples);
	return result;
}

/* ---- all of it ---- */

/* Receive the user's signals as bytes, so that everything is removed before they act. Returns the
 * descriptor to read them from, or -1. */
static int take_signals(sigset_t *before, struct matr_error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, before);
	int fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0) {
		matr_fail_errno(err, NULL, "no signalfd");
		sigprocmask(SIG_SETMASK, before, NULL);
	}
	return fd;
}

int bench_run(const struct bench_options *options, char *const *arguments, struct bench_result *out,
	      struct matr_error *err)
{
	struct bench bench = {.options = options, .result = out};
	size_t n = 0;
	sigset_t before;

	*out = (struct bench_result){.epoch = 0};
	for (int linker = 0; linker < BENCH_LINKERS; linker++)
		bench.workers[linker].fd = -1;
	if (program_canonical(arguments[0], out->program, err) != 0 ||
	    check_program(out->program, bench.interpreter, err) != 0)
		return -1;
	while (arguments[n])
		n++;
	bench.arguments = calloc(n + 1, sizeof *bench.arguments);
	if (!bench.arguments)
		return matr_fail_memory(err);
	memcpy(bench.arguments, arguments, n * sizeof *arguments);
	bench.arguments[0] = out->program;
	bench.signals = take_signals(&before, err);
	int result = bench.signals < 0 ? -1 : measure(&bench, err);
	for (int linker = 0; linker < BENCH_LINKERS; linker++)
		worker_stop(&bench.workers[linker]);
	temporary_prefix_remove(bench.temporary);
	free(bench.arguments);
	if (bench.signals >= 0) {
		close(bench.signals);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	return result;
}
