/* command_diff.c - matr diff: two epochs, two programs, or one program in two epochs. */
#include "command.h"
#include "output.h"
#include "recorded.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/diff.h>
#include <matr/epoch.h>

/* As diff(1): trouble has the status that a wrong command line has everywhere. */
enum { DIFF_SAME = STATUS_OK, DIFF_DIFFERENT = STATUS_FAILURE, DIFF_TROUBLE = STATUS_USAGE };

static const char help[] =
	"usage: matr diff [OPTION]... EPOCH EPOCH\n"
	"       matr diff [OPTION]... PROGRAM PROGRAM\n"
	"       matr diff [OPTION]... [--from EPOCH] [--to EPOCH] PROGRAM\n"
	"\n"
	"What differs between the mappings of two epochs, of two programs, or of one program in "
	"two\n"
	"epochs: objects and bindings that were added, removed or moved (to another path; to "
	"another\n"
	"provider), objects that were replaced, scopes in another order. First numbers, one row "
	"per\n"
	"program that differs; with --details one row per difference. An EPOCH is a number\n"
	"(`matr epoch list`), `current` or `previous`.\n"
	"\n"
	"  --from EPOCH     the program before (else previous; of two programs: current)\n"
	"  --to EPOCH       the program after (else current)\n"
	"  --details        every object and binding that differs\n"
	"  --symbol GLOB    only bindings of these symbols, with details\n"
	"  --format FORMAT  table (default), json or csv\n"
	"  -h, --help       this text\n"
	"\n"
	"Exit status, as that of diff(1): 0 nothing differs; 1 something does; 2 trouble.\n"
	"\n"
	"  matr diff previous current\n"
	"  matr diff --details git\n"
	"  matr diff --symbol 'pthread_*' 11 12\n"
	"  matr diff xz xzdec\n";

struct request {
	const char *prefix, *from, *to;
	const char *symbol; /* glob; NULL: all */
	bool details;
	enum output_format format;
	struct output output;
	bool different;
};

static const struct output_column summary_columns[] = {
	{"program", CELL_TEXT},		 {"change", CELL_TEXT},
	{"objects_added", CELL_NUMBER},	 {"objects_removed", CELL_NUMBER},
	{"objects_moved", CELL_NUMBER},	 {"objects_replaced", CELL_NUMBER},
	{"bindings_added", CELL_NUMBER}, {"bindings_removed", CELL_NUMBER},
	{"bindings_moved", CELL_NUMBER},
};

static const struct output_column detail_columns[] = {
	{"program", CELL_TEXT},	  {"change", CELL_TEXT}, {"what", CELL_TEXT},
	{"requester", CELL_TEXT}, {"symbol", CELL_TEXT}, {"version", CELL_TEXT},
	{"before", CELL_TEXT},	  {"after", CELL_TEXT},
};

static void open_output(struct request *request)
{
	if (request->details)
		output_open(&request->output, request->format, detail_columns,
			    sizeof detail_columns / sizeof *detail_columns);
	else
		output_open(&request->output, request->format, summary_columns,
			    sizeof summary_columns / sizeof *summary_columns);
}

static void detail(struct request *request, const char *program, const char *change,
		   const char *what, const struct matr_binding_change *binding, const char *before,
		   const char *after)
{
	output_text(&request->output, program);
	output_text(&request->output, change);
	output_text(&request->output, what);
	output_text(&request->output, binding ? binding->requester : NULL);
	output_text(&request->output, binding ? binding->symbol : NULL);
	output_text(&request->output, binding ? binding->version : NULL);
	output_text(&request->output, before);
	output_text(&request->output, after);
}

static void show_details(struct request *request, const char *program, const struct matr_diff *diff)
{
	for (size_t i = 0; i < diff->n_objects && !request->symbol; i++)
		detail(request, program, matr_change_name(diff->objects[i].change), "object", NULL,
		       diff->objects[i].before, diff->objects[i].after);
	if (diff->reordered && !request->symbol)
		detail(request, program, "reordered", "scope", NULL, NULL, NULL);
	for (size_t i = 0; i < diff->n_bindings; i++) {
		const struct matr_binding_change *binding = &diff->bindings[i];
		if (request->symbol && fnmatch(request->symbol, binding->symbol, 0) != 0)
			continue;
		detail(request, program, matr_change_name(binding->change), "binding", binding,
		       binding->before, binding->after);
	}
}

static void show_summary(struct request *request, const char *program, const char *change,
			 const struct matr_diff *diff)
{
	size_t objects[MATR_CHANGES] = {0}, bindings[MATR_CHANGES] = {0};

	for (size_t i = 0; i < diff->n_objects; i++)
		objects[diff->objects[i].change]++;
	for (size_t i = 0; i < diff->n_bindings; i++)
		bindings[diff->bindings[i].change]++;
	output_text(&request->output, program);
	output_text(&request->output, change);
	for (int i = 0; i < MATR_CHANGES; i++)
		output_number(&request->output, (int64_t)objects[i]);
	for (int i = 0; i < MATR_CHANGE_REPLACED; i++)
		output_number(&request->output, (int64_t)bindings[i]);
}

/* Does anything pass the filter? */
static bool is_asked_for(const struct request *request, const struct matr_diff *diff)
{
	if (!request->symbol)
		return !matr_diff_is_empty(diff);
	for (size_t i = 0; i < diff->n_bindings; i++)
		if (fnmatch(request->symbol, diff->bindings[i].symbol, 0) == 0)
			return true;
	return false;
}

static int diff_mappings(struct request *request, const char *program,
			 const struct matr_mapping *before, const struct matr_mapping *after,
			 struct matr_error *err)
{
	struct matr_diff diff;
	int result = matr_diff(before, after, &diff, err);

	if (result == 0 && is_asked_for(request, &diff)) {
		request->different = true;
		if (request->details)
			show_details(request, program, &diff);
		else
			show_summary(request, program, diff.reordered ? "reordered" : "changed",
				     &diff);
	}
	matr_diff_free(&diff);
	return result;
}

static int diff_applications(struct request *request, struct matr_store *store, int64_t before,
			     int64_t after, struct matr_error *err)
{
	struct matr_mapping *old = NULL, *new = NULL;

	if (before == after) /* one record: nothing of it has changed */
		return 0;
	int result = matr_store_mapping(store, before, &old, err);
	if (result == 0)
		result = matr_store_mapping(store, after, &new, err);
	if (result == 0)
		result = diff_mappings(request, new->scope[0].path, old, new, err);
	matr_mapping_free(old);
	matr_mapping_free(new);
	return result;
}

static void whole_program(struct request *request, const char *program, const char *change)
{
	static const struct matr_diff nothing = {.n_objects = 0};

	if (request->symbol)
		return;
	request->different = true;
	if (request->details)
		detail(request, program, change, "program", NULL, NULL, NULL);
	else
		show_summary(request, program, change, &nothing);
}

static int compare_paths(const void *left, const void *right)
{
	const struct matr_store_application *a = left, *b = right;
	return strcmp(a->path, b->path);
}

/* Walk along both epochs' programs, by path. */
static int diff_lists(struct request *request, struct matr_store *store,
		      const struct matr_store_application *before, size_t n_before,
		      const struct matr_store_application *after, size_t n_after,
		      struct matr_error *err)
{
	size_t i = 0, k = 0;
	int result = 0;

	while ((i < n_before || k < n_after) && result == 0) {
		int order = i == n_before  ? 1
			    : k == n_after ? -1
					   : compare_paths(&before[i], &after[k]);
		if (order < 0)
			whole_program(request, before[i].path, "removed");
		else if (order > 0)
			whole_program(request, after[k].path, "added");
		else
			result = diff_applications(request, store, before[i].id, after[k].id, err);
		i += order <= 0;
		k += order >= 0;
	}
	return result;
}

static int diff_epochs(struct request *request, struct matr_store *store, struct matr_error *err)
{
	struct matr_store_application *before = NULL, *after = NULL;
	struct matr_store_epoch from, to;
	size_t n_before = 0, n_after = 0;

	if (recorded_epoch(request->prefix, store, request->from, &from, err) != 0 ||
	    recorded_epoch(request->prefix, store, request->to, &to, err) != 0)
		return -1;
	int result = matr_store_applications(store, from.id, &before, &n_before, err);
	if (result == 0)
		result = matr_store_applications(store, to.id, &after, &n_after, err);
	if (result == 0) {
		if (n_before)
			qsort(before, n_before, sizeof *before, compare_paths);
		if (n_after)
			qsort(after, n_after, sizeof *after, compare_paths);
		result = diff_lists(request, store, before, n_before, after, n_after, err);
	}
	matr_store_applications_free(before, n_before);
	matr_store_applications_free(after, n_after);
	return result;
}

static int diff_programs(struct request *request, struct matr_store *store, const char *first,
			 const char *second, struct matr_error *err)
{
	struct matr_store_epoch from, to;
	int64_t before, after;

	if (recorded_epoch(request->prefix, store, request->from, &from, err) != 0 ||
	    recorded_epoch(request->prefix, store, request->to, &to, err) != 0 ||
	    recorded_find(store, from.id, first, &before, err) != 0 ||
	    recorded_find(store, to.id, second, &after, err) != 0)
		return -1;
	return diff_applications(request, store, before, after, err);
}

/* A number, current or previous. */
static bool is_epoch(const char *name)
{
	return strcmp(name, "current") == 0 || strcmp(name, "previous") == 0 ||
	       (*name && name[strspn(name, "0123456789")] == 0);
}

static int compare(struct request *request, int n, char **names, struct matr_error *err)
{
	struct matr_store *store;

	if (matr_store_open(request->prefix, MATR_STORE_READ, &store, err) != 0)
		return -1;
	bool epochs = n == 2 && is_epoch(names[0]) && is_epoch(names[1]);
	int result;
	if (epochs) {
		request->from = names[0];
		request->to = names[1];
	} else if (n == 1 && !request->from) {
		request->from = "previous";
	}
	open_output(request);
	result = epochs ? diff_epochs(request, store, err)
			: diff_programs(request, store, names[0], names[n - 1], err);
	int closed = output_close(&request->output, result == 0 ? err : NULL);
	matr_store_close(store);
	return result == 0 ? closed : result;
}

int command_diff(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"from", required_argument, NULL, 'F'},	  {"to", required_argument, NULL, 'T'},
		{"details", no_argument, NULL, 'd'},	  {"symbol", required_argument, NULL, 's'},
		{"format", required_argument, NULL, 'f'}, {"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	struct request request = {.prefix = context->prefix};
	struct matr_error err = {0};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'F':
			request.from = optarg;
			break;
		case 'T':
			request.to = optarg;
			break;
		case 'd':
			request.details = true;
			break;
		case 's':
			request.symbol = optarg;
			request.details = true;
			break;
		case 'f':
			if (!output_format_parse(optarg, &request.format))
				return usage_error_because("diff", "no such format", optarg);
			break;
		case 'p':
			request.prefix = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return DIFF_SAME;
		default:
			return usage_error("diff");
		}
	}
	int n = argc - optind;
	if (n < 1 || n > 2)
		return usage_error_because(
			"diff", "two epochs, two programs, or one program, please", NULL);
	if (n == 2 && is_epoch(argv[optind]) != is_epoch(argv[optind + 1]))
		return usage_error_because("diff", "an epoch and a program", argv[optind]);
	if (compare(&request, n, argv + optind, &err) != 0) {
		print_error(&err);
		return DIFF_TROUBLE;
	}
	return request.different ? DIFF_DIFFERENT : DIFF_SAME;
}
