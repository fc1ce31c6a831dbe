/* shadowed.c - matr shadowed: symbols that more than one object of the scope could provide. */
#include "common/options.h"
#include "common/output.h"
#include "common/recorded.h"
#include "common/symbol.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"

#include <stdio.h>

#include <matr/explain.h>

static const char help[] =
	"usage: matr shadowed [OPTION]... PROGRAM...\n"
	"\n"
	"Symbols that are bound and that more than one object of the scope could provide: which\n"
	"wins, and which would be next, one row per loser. Copied: the winner is the "
	"program's\n"
	"copy of the data (a copy relocation), which is how it has to be.\n";

static const char help_after[] =
	"Exit status: 0 success; 1 failure, or a program is not in the epoch; 2 usage.\n"
	"\n"
	"  matr shadowed git clang\n";

struct request {
	const char *prefix, *epoch;
	enum output_format format;
	bool all, raw;
};

struct answer { /* the rows, and the figures of the sentence before them */
	struct output output;
	size_t n_programs;
};

static const struct render_column columns[] = {
	{"program", COLUMN_LEFT}, {"symbol", COLUMN_LEFT}, {"version", COLUMN_LEFT},
	{"winner", COLUMN_LEFT},  {"loser", COLUMN_LEFT},  {"requesters", COLUMN_RIGHT},
	{"copied", COLUMN_LEFT},
};

static void show_rows(const struct request *request, struct output *output,
		      const struct matr_mapping *mapping, const struct matr_shadowed *shadowed,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t loser = 0; loser < shadowed[i].n_losers; loser++) {
			output_text(output, mapping->scope[0].path);
			output_symbol(output, shadowed[i].name, request->raw);
			output_text(output, shadowed[i].version);
			output_text(output, recorded_path(mapping, shadowed[i].winner));
			output_text(output, recorded_path(mapping, shadowed[i].losers[loser]));
			output_number(output, (int64_t)shadowed[i].n_requesters);
			output_text(output, shadowed[i].copied ? "copied" : NULL);
		}
	}
}

/* "git: 4 symbols that are bound have more than one provider; 4 of them are copies of data." */
static void say(const char *program, const struct matr_shadowed *shadowed, size_t n)
{
	size_t n_bound = 0, n_copied = 0;

	for (size_t i = 0; i < n; i++) {
		n_bound += shadowed[i].n_requesters != 0;
		n_copied += shadowed[i].copied;
	}
	if (!n_bound)
		safe_printf("%s: every symbol that is bound has one provider", program);
	else
		safe_printf("%s: %zu symbol%s bound %s more than one provider", program, n_bound,
			    n_bound == 1 ? " that is" : "s that are",
			    n_bound == 1 ? "has" : "have");
	if (n_copied)
		safe_printf("; %zu of them %s of data", n_copied,
			    n_copied == 1 ? "is a copy" : "are copies");
	if (n > n_bound)
		safe_printf("; so do %zu that nothing refers to", n - n_bound);
	puts(".");
}

static int list(const struct request *request, const char *program, struct answer *answer,
		struct matr_error *err)
{
	struct matr_shadowed *shadowed = NULL;
	struct recorded recorded;
	bool people = request->format == FORMAT_TABLE;
	size_t n = 0;

	int result = recorded_open(request->prefix, program, request->epoch, &recorded, err);
	if (result == 0)
		result = matr_shadowed(recorded.mapping, request->all, &shadowed, &n, err);
	if (result == 0 && people) {
		if (answer->n_programs++)
			putchar('\n');
		say(program, shadowed, n);
	}
	if (result == 0 && people && n) {
		putchar('\n');
		output_open(&answer->output, FORMAT_TABLE, columns,
			    sizeof columns / sizeof *columns);
	}
	if (result == 0)
		show_rows(request, &answer->output, recorded.mapping, shadowed, n);
	if (result == 0 && people && n)
		result = output_close(&answer->output, err);
	matr_shadowed_free(shadowed, n);
	recorded_close(&recorded);
	return result;
}

int command_shadowed(const struct context *context, int argc, char **argv)
{
	struct request request = {.prefix = context->prefix};
	const char *root = NULL;
	struct answer answer = {.n_programs = 0};
	struct matr_error err = {0};
	int status, result = 0;
	const struct option_row rows[] = {
		{"all", .flag = &request.all,
		 .help = "also symbols that no object refers to: what dlsym() would find"},
		{"raw", .flag = &request.raw,
		 .help = "C++ and Rust names as they are in the files"},
		option_epoch(&request.epoch),
		option_root(&root),
		{"format", .format = &request.format},
		option_prefix(&request.prefix),
		{0},
	};
	const struct options options = {.command = "shadowed",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (at == argc)
		return usage_error_because("shadowed", "which programs?", NULL);
	if (root_of(root, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	bool people = request.format == FORMAT_TABLE;
	if (!people)
		output_open(&answer.output, request.format, columns,
			    sizeof columns / sizeof *columns);
	for (int i = at; i < argc; i++) {
		if (list(&request, argv[i], &answer, &err) != 0) {
			print_error(&err);
			result = -1;
		}
	}
	if ((people ? output_flush(&err) : output_close(&answer.output, &err)) != 0) {
		print_error(&err);
		result = -1;
	}
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}
