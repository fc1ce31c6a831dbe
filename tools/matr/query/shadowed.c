/* shadowed.c - matr shadowed: symbols that more than one object of the scope could provide. */
#include "common/options.h"
#include "common/output.h"
#include "common/recorded.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"

#include <matr/explain.h>

static const char help[] =
	"usage: matr shadowed [OPTION]... PROGRAM...\n"
	"\n"
	"Symbols that are bound and that more than one object of the scope could provide: who\n"
	"wins, and who would be next, one row per loser. Copied: the winner is the application's\n"
	"copy of the data (a copy relocation), which is how it has to be.\n"
	"\n"
	"  --epoch EPOCH      in that epoch: a number, current or previous\n"
	"  --root DIR         of the system in that tree\n"
	"  --format FORMAT    table (default), json or csv\n"
	"  --prefix DIR       where the store is\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 success; 1 failure, or a program is not in the epoch; 2 usage.\n"
	"\n"
	"  matr shadowed git clang\n";

static int list(const char *prefix, const char *epoch, const char *program, struct output *output,
		struct matr_error *err)
{
	struct matr_shadowed *shadowed = NULL;
	struct recorded recorded;
	size_t n = 0;

	int result = recorded_open(prefix, program, epoch, &recorded, err);
	if (result == 0)
		result = matr_shadowed(recorded.mapping, &shadowed, &n, err);
	for (size_t i = 0; i < n; i++) {
		for (size_t loser = 0; loser < shadowed[i].n_losers; loser++) {
			output_text(output, recorded.mapping->scope[0].path);
			output_text(output, shadowed[i].name);
			output_text(output, shadowed[i].version);
			output_text(output, recorded_path(recorded.mapping, shadowed[i].winner));
			output_text(output,
				    recorded_path(recorded.mapping, shadowed[i].losers[loser]));
			output_number(output, (int64_t)shadowed[i].n_requesters);
			output_text(output, shadowed[i].copied ? "copied" : NULL);
		}
	}
	matr_shadowed_free(shadowed, n);
	recorded_close(&recorded);
	return result;
}

int command_shadowed(const struct context *context, int argc, char **argv)
{
	static const struct render_column columns[] = {
		{"program", COLUMN_LEFT}, {"symbol", COLUMN_LEFT}, {"version", COLUMN_LEFT},
		{"winner", COLUMN_LEFT},  {"loser", COLUMN_LEFT},  {"requesters", COLUMN_RIGHT},
		{"copied", COLUMN_LEFT},
	};
	const char *prefix = context->prefix, *epoch = NULL, *root = NULL;
	enum output_format format = FORMAT_TABLE;
	struct matr_error err = {0};
	struct output output;
	int status, result = 0;
	const struct option_row rows[] = {
		{"epoch", .text = &epoch},
		{"root", .text = &root},
		{"format", .format = &format},
		{"prefix", .text = &prefix},
		{0},
	};
	const struct options options = {.command = "shadowed", .help = help, .rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (at == argc)
		return usage_error_because("shadowed", "which programs?", NULL);
	if (root_of(root, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (int i = at; i < argc; i++) {
		if (list(prefix, epoch, argv[i], &output, &err) != 0) {
			print_error(&err);
			result = -1;
		}
	}
	if (output_close(&output, &err) != 0) {
		print_error(&err);
		result = -1;
	}
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}
