/* diff.c - matr diff: two epochs, two programs, or one program in two epochs. */
#include "common/open_store.h"
#include "common/options.h"
#include "common/recorded.h"
#include "matr/compare/commands.h"
#include "matr/compare/diff_exports.h"
#include "matr/compare/diff_graph.h"
#include "matr/compare/diff_show.h"
#include "matr/export/file_source.h"
#include "matr/namespace/root.h"

#include <stdio.h>
#include <string.h>

#include <matr/diff_epochs.h>

/* As diff(1): trouble has the status that a wrong command line has everywhere. */
enum { DIFF_SAME = STATUS_OK, DIFF_DIFFERENT = STATUS_FAILURE, DIFF_TROUBLE = STATUS_USAGE };

static const char help[] =
	"usage: matr diff [OPTION]... EPOCH EPOCH\n"
	"       matr diff [OPTION]... PROGRAM PROGRAM\n"
	"       matr diff [OPTION]... [--from EPOCH] [--to EPOCH] PROGRAM\n"
	"       matr diff [OPTION]... EXPORT EXPORT\n"
	"\n"
	"What differs between the mappings of two epochs, of two programs, or of one program in "
	"two\n"
	"epochs: programs that came, went, or are declined; objects and bindings that were added,\n"
	"removed or moved (to another path; to another provider), objects that were replaced, "
	"scopes in\n"
	"another order; the same of what is loaded with dlopen(), as recorded. Of two epochs first "
	"the\n"
	"answer, then the packages that differ, and the files because of which programs bind "
	"otherwise;\n"
	"with --details a row per difference. An EPOCH is a number (`matr epoch list`), `current` "
	"or\n"
	"`previous`. An EXPORT is a file of `matr export`, of any machine: files at the same path "
	"that\n"
	"differ, and bindings, are named once for all programs.\n";

static const char help_after[] =
	"Exit status, as that of diff(1): 0 nothing differs; 1 something does; 2 trouble.\n"
	"\n"
	"  matr diff previous current\n"
	"  matr diff --totals --format json 11 12\n"
	"  matr diff --details git\n"
	"  matr diff --symbol 'pthread_*' 11 12\n"
	"  matr diff xz xzdec\n"
	"  matr diff golden.jsonl.zst web1.jsonl.zst\n";

struct request {
	const char *prefix, *root, *from, *to;
	struct diff_show show;
	struct diff_graph *graph; /* in the place of what is shown; NULL: none */
};

static int add(struct request *request, const struct matr_program_pair *pair,
	       const struct matr_application_diff *diff, struct matr_error *err)
{
	return request->graph ? diff_graph_add(request->graph, pair, diff, err)
			      : diff_show_application(&request->show, pair, diff, err);
}

static int diff_pair(struct request *request, struct matr_store *store,
		     const struct matr_program_pair *pair, struct matr_error *err)
{
	struct matr_application_diff diff;

	if (!pair->before.application || !pair->after.application)
		return request->graph ? diff_graph_add(request->graph, pair, NULL, err)
				      : diff_show_pair(&request->show, pair, err);
	if (pair->before.application == pair->after.application) /* nothing of it has changed */
		return add(request, pair, NULL, err);
	int result = matr_application_diff(store, pair->before.application, pair->after.application,
					   &diff, err);
	if (result == 0)
		result = add(request, pair, &diff, err);
	matr_application_diff_free(&diff);
	return result;
}

static int diff_epochs(struct request *request, struct matr_store *store, struct matr_error *err)
{
	struct matr_program_pairs pairs;
	struct matr_store_epoch from, to;

	if (recorded_epoch(request->prefix, store, request->from, &from, err) != 0 ||
	    recorded_epoch(request->prefix, store, request->to, &to, err) != 0)
		return -1;
	int result = matr_program_pairs(store, from.id, to.id, &pairs, err);
	bool different = false;
	for (size_t i = 0; i < pairs.n && result == 0; i++)
		different |= matr_program_change_of(&pairs.list[i]) == MATR_PROGRAM_CHANGED;
	if (different && !request->graph)
		result = diff_show_prepare(&request->show, store, &from, &to, err);
	for (size_t i = 0; i < pairs.n && result == 0; i++)
		result = diff_pair(request, store, &pairs.list[i], err);
	matr_program_pairs_free(&pairs);
	return result;
}

static int diff_programs(struct request *request, struct matr_store *store, const char *first,
			 const char *second, struct matr_error *err)
{
	struct matr_program_pair pair = {.path = NULL};
	struct matr_application_diff diff;
	struct matr_store_epoch from, to;

	if (recorded_epoch(request->prefix, store, request->from, &from, err) != 0 ||
	    recorded_epoch(request->prefix, store, request->to, &to, err) != 0 ||
	    recorded_find(store, from.id, first, &pair.before.application, err) != 0 ||
	    recorded_find(store, to.id, second, &pair.after.application, err) != 0)
		return -1;
	if (pair.before.application == pair.after.application)
		return 0;
	int result = matr_application_diff(store, pair.before.application, pair.after.application,
					   &diff, err);
	if (result == 0) {
		pair.path = matr_application_diff_path(&diff);
		result = add(request, &pair, &diff, err);
	}
	matr_application_diff_free(&diff);
	return result;
}

/* A number, current or previous. */
static bool is_epoch(const char *name)
{
	return strcmp(name, "current") == 0 || strcmp(name, "previous") == 0 ||
	       (*name && name[strspn(name, "0123456789")] == 0);
}

static int draw(struct request *request, struct matr_store *store, int n, char **names,
		struct matr_error *err)
{
	struct diff_graph graph;
	struct text title = {0};

	if (request->show.epochs)
		text_printf(&title, "epoch %s to epoch %s", request->from, request->to);
	else
		text_printf(&title, "%s%s%s", names[0], n == 2 ? " to " : "",
			    n == 2 ? names[1] : "");
	diff_graph_open(&graph, text_string(&title), request->show.symbol);
	request->graph = &graph;
	int result = title.failed ? matr_fail_memory(err)
		     : request->show.epochs
			     ? diff_epochs(request, store, err)
			     : diff_programs(request, store, names[0], names[n - 1], err);
	if (result == 0)
		result = diff_graph_show(&graph, request->show.format, err);
	request->show.different = graph.different;
	request->graph = NULL;
	diff_graph_free(&graph);
	text_free(&title);
	return result;
}

static int compare(struct request *request, int n, char **names, struct matr_error *err)
{
	struct matr_store *store;

	if (root_of(request->root, err) != 0 || open_store(request->prefix, &store, err) != 0)
		return -1;
	bool epochs = request->show.epochs;
	int result;
	if (epochs) {
		request->from = names[0];
		request->to = names[1];
	} else if (n == 1 && !request->from) {
		request->from = "previous";
	}
	if (format_is_graph(request->show.format)) {
		result = draw(request, store, n, names, err);
		matr_store_close(store);
		return result;
	}
	diff_show_open(&request->show);
	result = epochs ? diff_epochs(request, store, err)
			: diff_programs(request, store, names[0], names[n - 1], err);
	int closed = diff_show_close(&request->show, result != 0, err);
	matr_store_close(store);
	return result == 0 ? closed : result;
}

static int compare_exports(const struct request *request, bool details, bool totals, char **names,
			   struct matr_error *err)
{
	const struct export_source before = {export_file_rows, names[0], names[0]};
	const struct export_source after = {export_file_rows, names[1], names[1]};
	const struct diff_exports diff = {
		.before = &before,
		.after = &after,
		.format = request->show.format,
		.symbol = request->show.symbol,
		.details = details,
		.totals = totals,
	};

	return diff_exports(&diff, err);
}

/* Two exports: 1 or 0; -1 if one is no export. */
static int are_exports(int n, char **names)
{
	bool first = export_file_recognize(names[0]);
	bool second = n == 2 && export_file_recognize(names[1]);

	return first == second ? first : n == 2 ? -1 : 0;
}

/* Check the options for exports. Returns the fault; NULL: none. */
static const char *check_exports(const struct request *request, bool details, bool totals)
{
	if (request->root || request->from || request->to)
		return "--root, --from and --to do not go with exports";
	if (format_is_graph(request->show.format))
		return "exports are not drawn";
	if (totals && (details || request->show.symbol))
		return "--totals goes with neither --details nor --symbol";
	return NULL;
}

int command_diff(const struct context *context, int argc, char **argv)
{
	struct request request = {.prefix = context->prefix};
	struct diff_show *show = &request.show;
	struct matr_error err = {0};
	bool totals = false, details = false;
	int status;
	const struct option_row rows[] = {
		{"from", .text = &request.from, .argument = "EPOCH",
		 .help = "the program before (else previous; of two programs: current)",
		 .completes = COMPLETES_EPOCH},
		{"to", .text = &request.to, .argument = "EPOCH",
		 .help = "the program after (else current)", .completes = COMPLETES_EPOCH},
		{"totals", .flag = &totals,
		 .help = "of two epochs: only the numbers of all programs together"},
		{"details", .flag = &details,
		 .help = "every program, object, binding and load that differs"},
		{"symbol", .text = &show->symbol, .argument = "GLOB",
		 .help = "only bindings of these symbols, with details",
		 .completes = COMPLETES_SYMBOL},
		{"format", .format = &show->format, .graphs = true},
		option_root(&request.root),
		option_prefix(&request.prefix),
		{0},
	};
	const struct options options = {.command = "diff",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_EPOCH},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	int n = argc - at;
	if (n < 1 || n > 2)
		return usage_error_because(
			"diff", "two epochs, two programs, or one program, please", NULL);
	int exports = are_exports(n, argv + at);
	const char *reason = exports < 0 ? "one of these is no export of --format jsonl"
			     : exports	 ? check_exports(&request, details, totals)
					 : NULL;
	if (reason)
		return usage_error_because("diff", reason, NULL);
	if (exports) {
		status = compare_exports(&request, details, totals, argv + at, &err);
		if (status >= 0)
			return status ? DIFF_DIFFERENT : DIFF_SAME;
		print_error(&err);
		return DIFF_TROUBLE;
	}
	if (n == 2 && is_epoch(argv[at]) != is_epoch(argv[at + 1]))
		return usage_error_because("diff", "an epoch and a program", argv[at]);
	show->epochs = n == 2 && is_epoch(argv[at]);
	if (request.root && show->format == FORMAT_SVG)
		return usage_error_because("diff", GRAPH_NO_SVG, "--root");
	if (totals && details)
		return usage_error_because("diff", "these do not go together",
					   "--totals, --details");
	if (totals && !show->epochs)
		return usage_error_because("diff", "totals are of two epochs", "--totals");
	if (totals && show->symbol)
		return usage_error_because("diff", "totals are of all symbols", "--symbol");
	show->view = totals ? DIFF_TOTALS : details || show->symbol ? DIFF_DETAILS : DIFF_PROGRAMS;
	if (compare(&request, n, argv + at, &err) != 0) {
		print_error(&err);
		return DIFF_TROUBLE;
	}
	return show->different ? DIFF_DIFFERENT : DIFF_SAME;
}
