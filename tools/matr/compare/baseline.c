/* baseline.c - matr baseline: mappings that were signed off, and whether they are still so. */
#include "common/open_store.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/recorded.h"
#include "matr/compare/commands.h"
#include "matr/compare/diff_exports.h"
#include "matr/export/file_source.h"
#include "matr/export/store_source.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/baseline.h>
#include <matr/nearest.h>

/* As diff(1). */
enum { CHECK_SAME = STATUS_OK, CHECK_DIFFERENT = STATUS_FAILURE, CHECK_TROUBLE = STATUS_USAGE };

static const char help[] =
	"usage: matr baseline save [OPTION]... FILE [PROGRAM]...\n"
	"       matr baseline check [OPTION]... FILE [PROGRAM]...\n"
	"       matr baseline check [OPTION]... --against EXPORT\n"
	"\n"
	"A baseline is a set of mappings that somebody has signed off: a text file for version\n"
	"control, with the objects of each program's scope, how they were found, and what they "
	"bind\n"
	"to. `save` writes it, `check` says what differs from it now, one row per difference.\n"
	"\n"
	"save: of the PROGRAMs; without any, of those that the FILE has, or else of every program "
	"of\n"
	"the epoch. FILE is replaced as a whole, and only if it is a baseline; - is standard "
	"output.\n"
	"check: the PROGRAMs, or all that the FILE has. In a baseline of every program, one that "
	"was\n"
	"added to the epoch is a difference too. With --against: all of this machine, against a "
	"file\n"
	"of `matr export` of another; files that differ and bind alike are no difference.\n";

static const char help_after[] =
	"Exit status, as that of diff(1): 0 all is as signed off (save: written); 1 something\n"
	"differs; 2 trouble.\n"
	"\n"
	"  matr baseline save ci/mappings.txt sshd git\n"
	"  matr baseline check ci/mappings.txt\n"
	"  matr baseline save ci/mappings.txt && git diff ci/mappings.txt\n"
	"  matr baseline check --format json ci/mappings.txt sshd\n"
	"  matr baseline check --against golden.jsonl.zst\n";

struct request {
	const char *prefix, *epoch_name, *against;
	enum output_format format;
	bool all;
	const char *file;
	char **programs;
	size_t n_programs;
	struct matr_store *store;
	struct matr_store_epoch epoch;
};

/* ---- choice of programs ---- */

struct chosen { /* sorted by path, each once */
	struct matr_store_application *list;
	size_t n;
};

static int compare_applications(const void *left, const void *right)
{
	const struct matr_store_application *a = left, *b = right;
	return strcmp(a->path, b->path);
}

static void chosen_free(struct chosen *chosen)
{
	for (size_t i = 0; i < chosen->n; i++)
		free(chosen->list[i].path);
	free(chosen->list);
}

static const struct matr_store_application *chosen_find(const struct chosen *chosen,
							const char *path)
{
	struct matr_store_application wanted = {.path = (char *)path};

	return chosen->n ? bsearch(&wanted, chosen->list, chosen->n, sizeof wanted,
				   compare_applications)
			 : NULL;
}

/* Every program of the epoch. To be freed also after an error. */
static int choose_all(const struct request *request, struct chosen *out, struct matr_error *err)
{
	if (matr_store_applications(request->store, request->epoch.id, &out->list, &out->n, err) !=
	    0)
		return -1;
	if (out->n)
		qsort(out->list, out->n, sizeof *out->list, compare_applications);
	return 0;
}

/* Take those that are `kept` out of all. */
static void keep(struct chosen *chosen, const bool *kept)
{
	size_t n = 0;

	for (size_t i = 0; i < chosen->n; i++) {
		if (kept[i])
			chosen->list[n++] = chosen->list[i];
		else
			free(chosen->list[i].path);
	}
	chosen->n = n;
}

static int choose_named(const struct request *request, struct chosen *all, bool *kept,
			struct matr_error *err)
{
	for (size_t i = 0; i < request->n_programs; i++) {
		int64_t id;
		if (recorded_find(request->store, request->epoch.id, request->programs[i], &id,
				  err) != 0)
			return -1;
		for (size_t k = 0; k < all->n; k++)
			kept[k] |= all->list[k].id == id;
	}
	return 0;
}

/* Choose the programs of the file, and report those that the epoch does not have. */
static void choose_signed(const struct matr_baseline *baseline, const struct chosen *all,
			  bool *kept)
{
	for (size_t i = 0; i < baseline->n_programs; i++) {
		const struct matr_store_application *at =
			chosen_find(all, baseline->programs[i].path);
		if (at)
			kept[at - all->list] = true;
		else
			print_warning("%s: not in the epoch any more, left out",
				      baseline->programs[i].path);
	}
}

/* ---- save ---- */

/* The file, through symbolic links, if it may be replaced; "" : it is not there. */
static int may_replace(const char *file, char path[PATH_MAX], bool *there, struct matr_error *err)
{
	enum matr_baseline_file found = matr_baseline_recognize(file, err);

	if (found == MATR_BASELINE_FILE_UNREADABLE)
		return -1;
	if (found == MATR_BASELINE_FILE_OTHER)
		return matr_fail(err, MATR_ERROR_STATE, file,
				 "is there and no baseline; it is left alone");
	*there = found == MATR_BASELINE_FILE_PRESENT;
	if (found != MATR_BASELINE_FILE_ABSENT) {
		if (!realpath(file, path))
			return matr_fail_errno(err, file, "cannot be resolved");
	} else if (snprintf(path, PATH_MAX, "%s", file) >= PATH_MAX) {
		return matr_fail(err, MATR_ERROR_USAGE, file, "path is too long");
	}
	return 0;
}

static int choose_to_save(const struct request *request, bool there, bool *every,
			  struct chosen *chosen, struct matr_error *err)
{
	struct matr_baseline *baseline = NULL;

	if (choose_all(request, chosen, err) != 0)
		return -1;
	*every = request->all;
	if (!*every && !request->n_programs) {
		if (there && matr_baseline_read(request->file, &baseline, err) != 0)
			return -1;
		*every = !baseline || baseline->all;
	}
	bool *kept = calloc(chosen->n + 1, sizeof *kept);
	int result = kept ? 0 : matr_fail_memory(err);
	if (!result && request->n_programs)
		result = choose_named(request, chosen, kept, err);
	else if (!result && !*every)
		choose_signed(baseline, chosen, kept);
	if (!result && !*every)
		keep(chosen, kept);
	free(kept);
	matr_baseline_free(baseline);
	return result;
}

static int write_programs(const struct request *request, const struct chosen *chosen, bool every,
			  FILE *out, struct matr_error *err)
{
	int result = 0;

	matr_baseline_write_head(out, every);
	for (size_t i = 0; i < chosen->n && !result; i++) {
		struct matr_baseline_program program;
		result = matr_baseline_of_application(request->store, chosen->list[i].id, &program,
						      err);
		if (!result)
			matr_baseline_write(out, &program);
		matr_baseline_program_free(&program);
	}
	return result;
}

/* Beside the file, then over it. */
static int write_file_of(const struct request *request, const struct chosen *chosen, bool every,
			 const char *path, struct matr_error *err)
{
	char temporary[PATH_MAX];
	mode_t mode = path_mode(path);

	if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
		return matr_fail(err, MATR_ERROR_USAGE, path, "path is too long");
	int fd = mkostemp(temporary, O_CLOEXEC);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		matr_fail_errno(err, path, "cannot be written");
		if (fd >= 0) {
			close(fd);
			unlink(temporary);
		}
		return -1;
	}
	int result = write_programs(request, chosen, every, out, err);
	if (!result && (fflush(out) != 0 || ferror(out) || fchmod(fd, mode) != 0 || fsync(fd) != 0))
		result = matr_fail_errno(err, path, "cannot be written");
	if (fclose(out) != 0 && !result)
		result = matr_fail_errno(err, path, "cannot be written");
	if (!result && rename(temporary, path) != 0)
		result = matr_fail_errno(err, path, "cannot be replaced");
	if (result)
		unlink(temporary);
	return result;
}

static int save(const struct request *request, struct matr_error *err)
{
	bool to_stdout = strcmp(request->file, "-") == 0, there = false, every = false;
	struct chosen chosen = {.list = NULL};
	char path[PATH_MAX];

	if (!to_stdout && may_replace(request->file, path, &there, err) != 0)
		return -1;
	int result = choose_to_save(request, there, &every, &chosen, err);
	if (!result && to_stdout) {
		result = write_programs(request, &chosen, every, stdout, err);
		if (!result)
			result = output_flush(err);
	} else if (!result) {
		result = write_file_of(request, &chosen, every, path, err);
	}
	if (!result && !to_stdout)
		safe_fprintf(stderr, "%s: %zu program%s of epoch %lld\n", request->file, chosen.n,
			     chosen.n == 1 ? "" : "s", (long long)request->epoch.id);
	chosen_free(&chosen);
	return result;
}

/* ---- check ---- */

static const struct render_column columns[] = {
	{"program", COLUMN_LEFT},   {"change", COLUMN_LEFT}, {"what", COLUMN_LEFT},
	{"requester", COLUMN_LEFT}, {"symbol", COLUMN_LEFT}, {"version", COLUMN_LEFT},
	{"before", COLUMN_LEFT},    {"after", COLUMN_LEFT},  {"load", COLUMN_LEFT},
};

struct report {
	struct output output;
	size_t programs, differences, same; /* programs: that differ */
};

static void whole_program(struct report *report, const char *path, const char *change,
			  const char *before, const char *after)
{
	output_text(&report->output, path);
	output_text(&report->output, change);
	output_text(&report->output, "program");
	for (int i = 0; i < 3; i++)
		output_text(&report->output, NULL);
	output_text(&report->output, before);
	output_text(&report->output, after);
	output_text(&report->output, NULL);
	report->programs++;
	report->differences++;
}

static void put_object(struct output *output, const struct matr_baseline_object *object)
{
	char text[PATH_MAX + 64];

	if (object)
		snprintf(text, sizeof text, "%s (%s)", object->path, object->rule);
	output_text(output, object ? text : NULL);
}

static void put_change(struct report *report, const char *program,
		       const struct matr_baseline_change *change)
{
	static const char *const subjects[] = {
		[MATR_BASELINE_LOAD] = "load",
		[MATR_BASELINE_SCOPE] = "scope",
		[MATR_BASELINE_OBJECT] = "object",
		[MATR_BASELINE_BINDING] = "binding",
	};
	const struct matr_baseline_binding *binding =
		change->after ? change->after : change->before;
	struct output *output = &report->output;

	output_text(output, program);
	output_text(output, change->subject == MATR_BASELINE_SCOPE
				    ? "reordered"
				    : matr_change_name(change->change));
	output_text(output, subjects[change->subject]);
	output_text(output, binding ? binding->requester : NULL);
	output_text(output, binding ? binding->symbol : NULL);
	output_text(output, binding && *binding->version ? binding->version : NULL);
	if (change->subject == MATR_BASELINE_BINDING) {
		output_text(output, change->before ? change->before->provider : NULL);
		output_text(output, change->after ? change->after->provider : NULL);
	} else {
		put_object(output, change->object_before);
		put_object(output, change->object_after);
	}
	output_text(output, change->load);
	report->differences++;
}

static int check_program(const struct request *request, const struct matr_baseline_program *before,
			 int64_t application, struct report *report, struct matr_error *err)
{
	struct matr_baseline_program after;
	struct matr_baseline_change *changes = NULL;
	size_t n = 0;

	int result = matr_baseline_of_application(request->store, application, &after, err);
	if (!result)
		result = matr_baseline_compare(before, &after, &changes, &n, err);
	for (size_t i = 0; i < n; i++)
		put_change(report, before->path, &changes[i]);
	report->programs += n > 0;
	report->same += n == 0;
	free(changes);
	matr_baseline_program_free(&after);
	return result;
}

/* The program is signed off, but not in the epoch. */
static int check_missing(const struct request *request, const char *path, struct report *report,
			 struct matr_error *err)
{
	struct matr_store_declined *declined;
	char reason[600] = "";
	size_t n;

	if (matr_store_declined(request->store, request->epoch.id, &declined, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (strcmp(declined[i].path, path) == 0)
			snprintf(reason, sizeof reason, "declined: %s", declined[i].reason);
	matr_store_declined_free(declined, n);
	whole_program(report, path, "removed", NULL, *reason ? reason : NULL);
	return 0;
}

/* Test whether the program at the path is asked about. `asked` has paths of the baseline. */
static bool is_asked_for(const struct request *request, char *const *asked, const char *path)
{
	for (size_t i = 0; i < request->n_programs; i++)
		if (strcmp(asked[i], path) == 0)
			return true;
	return !request->n_programs;
}

/* Find a program in the baseline by its canonical path, or by the path or file name there. */
static int find_signed(const struct request *request, const struct matr_baseline *baseline,
		       const struct chosen *all, const char *name, char **out,
		       struct matr_error *err)
{
	struct matr_nearest nearest = {.wanted = name};
	struct matr_error ignored;
	const char *found = NULL;
	int64_t id;

	if (recorded_find(request->store, request->epoch.id, name, &id, &ignored) == 0)
		for (size_t i = 0; i < all->n && !found; i++)
			if (all->list[i].id == id &&
			    matr_baseline_find(baseline, all->list[i].path))
				found = all->list[i].path;
	for (size_t i = 0; i < baseline->n_programs && !found; i++) {
		const char *path = baseline->programs[i].path;
		const char *last = path_name(path);
		if (strcmp(strchr(name, '/') ? path : last, name) == 0)
			found = path;
		matr_nearest_offer(&nearest, strchr(name, '/') ? path : last, NULL);
	}
	if (!found)
		return matr_nearest_fail(&nearest, err, "no such program in %s", request->file);
	matr_nearest_free(&nearest);
	*out = strdup(found);
	return *out ? 0 : matr_fail_memory(err);
}

static int check_all(const struct request *request, const struct matr_baseline *baseline,
		     const struct chosen *all, char *const *asked, struct report *report,
		     struct matr_error *err)
{
	size_t i = 0, k = 0;
	int result = 0;

	while ((i < baseline->n_programs || k < all->n) && !result) {
		const char *before = i < baseline->n_programs ? baseline->programs[i].path : NULL;
		const char *after = k < all->n ? all->list[k].path : NULL;
		int order = !before ? 1 : !after ? -1 : strcmp(before, after);
		bool wanted = is_asked_for(request, asked, order <= 0 ? before : after);
		if (order == 0 && wanted)
			result = check_program(request, &baseline->programs[i], all->list[k].id,
					       report, err);
		else if (order < 0 && wanted)
			result = check_missing(request, before, report, err);
		else if (order > 0 && baseline->all && !request->n_programs)
			whole_program(report, after, "added", NULL, NULL);
		i += order <= 0;
		k += order >= 0;
	}
	return result;
}

/* 1: something differs. */
static int check(const struct request *request, struct matr_error *err)
{
	struct matr_baseline *baseline = NULL;
	struct chosen all = {.list = NULL};
	struct report report = {.same = 0};
	char **asked = calloc(request->n_programs + 1, sizeof(char *));

	int result =
		asked ? matr_baseline_read(request->file, &baseline, err) : matr_fail_memory(err);
	if (!result)
		result = choose_all(request, &all, err);
	for (size_t i = 0; i < request->n_programs && !result; i++)
		result = find_signed(request, baseline, &all, request->programs[i], &asked[i], err);
	if (!result) {
		output_open(&report.output, request->format, columns,
			    sizeof columns / sizeof *columns);
		result = check_all(request, baseline, &all, asked, &report, err);
		if (output_close(&report.output, result ? NULL : err) != 0)
			result = -1;
	}
	if (!result)
		safe_fprintf(stderr, "%s: %zu as signed off, %zu not (%zu difference%s)\n",
			     request->file, report.same, report.programs, report.differences,
			     report.differences == 1 ? "" : "s");
	for (size_t i = 0; i < request->n_programs && asked; i++)
		free(asked[i]);
	free(asked);
	chosen_free(&all);
	matr_baseline_free(baseline);
	return result ? -1 : report.differences > 0;
}

/* This machine against an export. 1: something differs. */
static int check_against(const struct request *request, struct matr_error *err)
{
	struct export_store export = {
		.store = request->store, .epoch = request->epoch, .host = "here", .version = ""};
	const struct export_source golden = {export_file_rows, (void *)(uintptr_t)request->against,
					     request->against};
	const struct export_source here = {export_store_rows, &export, "this machine"};
	const struct diff_exports diff = {
		.before = &golden,
		.after = &here,
		.format = request->format,
		.details = true,
		.bindings_only = true,
	};
	int result = export_store_open(&export, err);

	if (result == 0)
		result = diff_exports(&diff, err);
	export_store_close(&export);
	return result;
}

/* The exit status of save or check. */
static int run(struct request *request, int (*act)(const struct request *, struct matr_error *))
{
	struct matr_error err = {0};

	int result = open_store(request->prefix, &request->store, &err);
	if (!result)
		result = matr_store_freeze(request->store, &err);
	if (!result)
		result = recorded_epoch(request->prefix, request->store, request->epoch_name,
					&request->epoch, &err);
	if (!result)
		result = act(request, &err);
	matr_store_close(request->store);
	if (result < 0) {
		print_error(&err);
		return CHECK_TROUBLE;
	}
	return result ? CHECK_DIFFERENT : CHECK_SAME;
}

static int usage(const char *reason)
{
	return usage_error_because("baseline", reason, NULL);
}

/* Take options, the file and the programs. -1: go on, else the exit status. */
static int parse(struct request *out, const struct context *context, int argc, char **argv)
{
	int status;
	const struct option_row rows[] = {
		{"against", .text = &out->against, .argument = "EXPORT",
		 .help = "check: against a file of `matr export`, in the place of FILE",
		 .completes = COMPLETES_FILE},
		{"all", .flag = &out->all,
		 .help = "save: every program of the epoch, whatever the FILE has"},
		option_epoch(&out->epoch_name),
		{"format", .format = &out->format,
		 .help = "check: table (default), json, jsonl or csv"},
		option_prefix(&out->prefix),
		{0},
	};
	const struct options options = {.command = "baseline",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_FILE, COMPLETES_PROGRAM},
					.rows = rows};

	*out = (struct request){.prefix = context->prefix, .format = FORMATS};
	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (out->against && at < argc)
		return usage("--against goes without a FILE and PROGRAMs");
	if (out->against)
		return -1;
	if (at == argc)
		return usage("which file?");
	out->file = argv[at++];
	out->programs = argv + at;
	out->n_programs = (size_t)(argc - at);
	return -1;
}

static int run_save(const struct context *context, int argc, char **argv)
{
	struct request request;

	int status = parse(&request, context, argc, argv);
	if (status >= 0)
		return status;
	if (request.format != FORMATS || request.against)
		return usage("--format and --against go with check");
	if (request.all && request.n_programs)
		return usage("--all goes with save, without programs");
	return run(&request, save);
}

static int run_check(const struct context *context, int argc, char **argv)
{
	struct request request;

	int status = parse(&request, context, argc, argv);
	if (status >= 0)
		return status;
	if (request.all)
		return usage("--all goes with save, without programs");
	if (request.format == FORMATS)
		request.format = FORMAT_TABLE;
	return run(&request, request.against ? check_against : check);
}

int command_baseline(const struct context *context, int argc, char **argv)
{
	static const struct command commands[] = {
		{"save", run_save, .usage = "FILE [PROGRAM]...", .help = "sign mappings off"},
		{"check", run_check, .paged = true, .usage = "FILE [PROGRAM]...",
		 .help = "compare mappings with those that were signed off"},
	};
	static const struct command_group group = {
		.name = "baseline",
		.question = "save or check?",
		.commands = commands,
		.n = sizeof commands / sizeof *commands,
	};

	return command_dispatch(&group, context, argc, argv);
}
