/* check.c - matr check: programs that lack a library, a version or a definition, as their files are
 * now. */
#include "common/open_store.h"
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "common/recorded.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"

#include <stdlib.h>
#include <string.h>

#include <matr/check.h>
#include <matr/config.h>
#include <matr/scan.h>

/* As those of matr diff. */
enum { CHECK_GOOD = STATUS_OK, CHECK_LACKS = STATUS_FAILURE, CHECK_TROUBLE = STATUS_USAGE };

static const char help[] =
	"usage: matr check [OPTION]... [PROGRAM]...\n"
	"\n"
	"Which programs lack something: a library that is not found, a version that a library\n"
	"does not have, a symbol that nothing defines, or what else ld.so would refuse. The\n"
	"files are read as they are now. Without PROGRAM: the programs of the epoch, or of the\n"
	"whole system if there is none. No program is started.\n";

static const char help_after[] =
	"Exit status: 0 nothing is missing; 1 some program lacks something, or a program that\n"
	"was named cannot be checked; 2 trouble.\n"
	"\n"
	"  matr check\n"
	"  matr check build/app && echo complete\n"
	"  sudo matr check --root /srv/image --format json\n";

struct request {
	const char *prefix, *root;
	unsigned jobs;
	enum output_format format;
	char **names;
	int n_names;
};

struct programs {
	char **paths;
	size_t n;
};

static const char *const kinds[] = {
	[MATR_PROBLEM_LIBRARY] = "library",
	[MATR_PROBLEM_VERSION] = "version",
	[MATR_PROBLEM_SYMBOL] = "symbol",
	[MATR_PROBLEM_REFUSED] = "refused",
};

/* ---- choice of programs ---- */

static int add(struct programs *programs, const char *path, struct matr_error *err)
{
	char **paths = realloc(programs->paths, (programs->n + 1) * sizeof *paths);

	if (!paths)
		return matr_fail_memory(err);
	programs->paths = paths;
	paths[programs->n] = strdup(path);
	return paths[programs->n] ? (programs->n++, 0) : matr_fail_memory(err);
}

static int add_named(const struct request *request, struct programs *out, struct matr_error *err)
{
	char path[PATH_MAX];

	for (int i = 0; i < request->n_names; i++) {
		if (program_canonical(request->names[i], path, err) != 0) {
			program_add_nearest(request->names[i], true, err);
			return -1;
		}
		if (add(out, path, err) != 0)
			return -1;
	}
	return 0;
}

/* List the programs of the epoch, and those that it declined. NOT_FOUND: there is no epoch. */
static int add_recorded(struct matr_store *store, int64_t epoch, struct programs *out,
			struct matr_error *err)
{
	struct matr_store_application *list;
	struct matr_store_declined *declined;
	size_t n;

	if (matr_store_applications(store, epoch, &list, &n, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < n && !result; i++)
		result = add(out, list[i].path, err);
	matr_store_applications_free(list, n);
	if (result || matr_store_declined(store, epoch, &declined, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && !result; i++)
		result = add(out, declined[i].path, err);
	matr_store_declined_free(declined, n);
	return result;
}

static int add_epoch(const char *prefix, struct programs *out, struct matr_error *err)
{
	struct matr_store *store = NULL;
	struct matr_store_epoch epoch = {.id = 0};

	int result = open_store(prefix, &store, err);
	if (!result)
		result = matr_store_freeze(store, err);
	if (!result)
		result = recorded_epoch(prefix, store, NULL, &epoch, err);
	if (!result)
		result = add_recorded(store, epoch.id, out, err);
	matr_store_close(store);
	return result;
}

static int add_system(const struct matr_config *config, struct programs *out,
		      struct matr_error *err)
{
	struct matr_scan *scan;
	int result = matr_scan(config, NULL, 0, &scan, err);

	if (result)
		return result;
	for (size_t i = 0; i < scan->n_programs && !result; i++)
		result = add(out, scan->programs[i], err);
	matr_scan_free(scan);
	return result;
}

static int find_programs(const struct request *request, const struct matr_config *config,
			 struct programs *out, struct matr_error *err)
{
	struct matr_error own = {0};

	if (request->n_names)
		return add_named(request, out, err);
	if (add_epoch(request->prefix, out, &own) == 0)
		return 0;
	return own.code == MATR_ERROR_NOT_FOUND ? add_system(config, out, err)
						: matr_error_copy(err, &own);
}

/* ---- the output ---- */

struct counts {
	size_t refused, late, unknown; /* programs */
};

static struct counts count(const struct matr_checked *checked, size_t n)
{
	struct counts counts = {0};

	for (size_t i = 0; i < n; i++) {
		bool fatal = false;
		for (size_t k = 0; k < checked[i].n; k++)
			fatal |= checked[i].problems[k].fatal;
		counts.refused += fatal;
		counts.late += checked[i].n && !fatal;
		counts.unknown += checked[i].unknown.code != MATR_OK;
	}
	return counts;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void say(const struct programs *programs, const struct counts *counts)
{
	size_t n = programs->n - counts->unknown;

	printf("Checked %zu program%s", n, plural(n));
	if (n)
		printf(": ");
	if (n && !counts->refused && !counts->late)
		printf("nothing is missing");
	if (counts->refused)
		printf("%zu would not start", counts->refused);
	if (counts->late)
		printf("%s%zu would end when %s a function that is not there",
		       counts->refused ? ", " : "", counts->late,
		       counts->late == 1 ? "it calls" : "they call");
	if (counts->unknown)
		printf("; %zu cannot be checked", counts->unknown);
	puts(".");
}

static const char *effect(const struct matr_problem *problem)
{
	return problem->fatal ? "does not start" : "ends at the first call";
}

static void show_problem(struct output *output, const char *program,
			 const struct matr_problem *problem)
{
	output_text(output, kinds[problem->kind]);
	output_text(output, problem->reason ? problem->reason : problem->name);
	output_text(output, problem->version);
	output_text(output, problem->library);
	output_text(output, problem->requester);
	output_text(output, program);
	output_text(output, effect(problem));
}

static void show_unknown(struct output *output, const char *program, const struct matr_error *why)
{
	output_text(output, "unknown");
	output_text(output, why->message);
	output_text(output, NULL);
	output_text(output, NULL);
	output_text(output, why->file[0] ? why->file : NULL);
	output_text(output, program);
	output_text(output, NULL);
}

static int show(const struct request *request, const struct programs *programs,
		const struct matr_checked *checked, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"problem", COLUMN_LEFT}, {"what", COLUMN_LEFT},      {"version", COLUMN_LEFT},
		{"library", COLUMN_LEFT}, {"requester", COLUMN_LEFT}, {"program", COLUMN_LEFT},
		{"effect", COLUMN_LEFT},
	};
	const struct counts counts = count(checked, programs->n);
	bool table = request->format == FORMAT_TABLE;
	/* Of a whole system some always are in doubt; the number is enough for people. */
	bool with_unknown = !table || request->n_names;
	struct output output;

	if (table)
		say(programs, &counts);
	if (!table || counts.refused || counts.late || (with_unknown && counts.unknown)) {
		if (table)
			putchar('\n');
		output_open(&output, request->format, columns, sizeof columns / sizeof *columns);
		for (size_t i = 0; i < programs->n; i++) {
			for (size_t k = 0; k < checked[i].n; k++)
				show_problem(&output, programs->paths[i], &checked[i].problems[k]);
			if (with_unknown && checked[i].unknown.code != MATR_OK)
				show_unknown(&output, programs->paths[i], &checked[i].unknown);
		}
		if (output_close(&output, err) != 0)
			return -1;
	}
	if (output_flush(err) != 0)
		return -1;
	bool lacks = counts.refused || counts.late || (request->n_names && counts.unknown);
	return lacks ? CHECK_LACKS : CHECK_GOOD;
}

/* ---- the command ---- */

static int check(const struct request *request, const struct matr_config *config,
		 const struct programs *programs, struct matr_error *err)
{
	struct matr_check_program *list = calloc(programs->n + 1, sizeof *list);
	struct matr_checked *checked;

	if (!list)
		return matr_fail_memory(err);
	for (size_t i = 0; i < programs->n; i++) {
		const struct matr_config_program *section =
			matr_config_program(config, programs->paths[i]);
		list[i] = (struct matr_check_program){
			.path = programs->paths[i],
			.library_path = section ? section->library_path : NULL,
		};
	}
	int result = matr_check(list, programs->n, request->jobs, &checked, err);
	free(list);
	if (result)
		return -1;
	result = show(request, programs, checked, err);
	matr_checked_free(checked, programs->n);
	return result;
}

static int run(const struct request *request)
{
	struct matr_config *config = NULL;
	struct programs programs = {.n = 0};
	struct matr_error err = {0};

	int result = root_of(request->root, &err);
	if (result == 0)
		result = matr_config_load(NULL, &config, &err);
	if (result == 0)
		result = find_programs(request, config, &programs, &err);
	if (result == 0)
		result = check(request, config, &programs, &err);
	if (result < 0)
		print_error(&err);
	for (size_t i = 0; i < programs.n; i++)
		free(programs.paths[i]);
	free(programs.paths);
	matr_config_free(config);
	return result < 0 ? CHECK_TROUBLE : result;
}

int command_check(const struct context *context, int argc, char **argv)
{
	struct request request = {.prefix = context->prefix};
	const struct option_row rows[] = {
		option_root(&request.root),
		{"format", .format = &request.format},
		{"jobs", 'j', .jobs = &request.jobs, .argument = "N",
		 .help = "threads (default: as many as there are cores)"},
		option_prefix(&request.prefix),
		{0},
	};
	const struct options options = {.command = "check",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};
	int status;

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	request.names = argv + at;
	request.n_names = argc - at;
	return run(&request);
}
