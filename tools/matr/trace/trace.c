/* trace.c - matr trace: a run in which chosen bindings are counted and timed.
 *
 * What an editable mapping is good for: in an epoch of its own, in a temporary prefix, bindings go
 * by way of thunks that count and time. No ptrace, no breakpoints; nothing of the epoch that is in
 * force changes. The thunks write to a file that this process reads when the program has ended,
 * however it did.
 */
#include "matr/trace/trace.h"
#include "common/program.h"
#include "matr/trace/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/edit.h>
#include <matr/object.h>
#include <matr/secure_exec.h>

static const char help[] =
	"usage: matr trace [OPTION]... --symbol GLOB... [--] PROGRAM [ARG]...\n"
	"       matr trace PROGRAM [OPTION]... --symbol GLOB... [-- ARG...]\n"
	"\n"
	"Run a program and count and time the calls of functions that its objects bind. Each "
	"binding\n"
	"that matches is edited, for this run only, to go by way of a thunk: no ptrace, no\n"
	"breakpoints. When the program has ended, a table goes to standard error.\n";

static const char help_after[] =
	"Columns: calls; total_ns, in the function and what it called; self_ns, without other "
	"traced\n"
	"functions; unfinished, calls that were not seen to return (exit, exceptions, longjmp) or "
	"for\n"
	"which time is not taken; caller; symbol; callee. Child processes of fork() count along.\n"
	"\n"
	"Exit status: the program's; 125 matr itself failed, and it was not run; 126, 127 as "
	"env(1).\n"
	"\n"
	"  matr trace --symbol 'inflate*' --symbol malloc git log\n"
	"  matr trace --symbol 'pthread_mutex_*' --format json -o locks.json -- ./server --once\n";

static int prepare(struct trace_run *run, const char *program, char ld_stable[PATH_MAX],
		   struct matr_error *err)
{
	if (program_canonical(program, run->path, err) != 0) {
		program_add_nearest(program, true, err);
		return -1;
	}
	if (matr_is_secure_exec(run->path))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
				 "is set-user-ID, set-group-ID or has capabilities");
	int dynamic = matr_program_interpreter(run->path, run->interpreter, err);
	if (dynamic <= 0)
		return dynamic < 0 ? -1
				   : matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
					       "is not a dynamically linked program");
	if (!run->ld_stable) {
		if (program_ld_stable(ld_stable, err) != 0)
			return -1;
		run->ld_stable = ld_stable;
	}
	if (trace_collect(run, err) != 0 || trace_make_prefix(run, err) != 0)
		return -1;
	if (trace_begin(run, err) != 0)
		return -1;
	return trace_open_output(run, err);
}

static int usage(const char *reason, const char *argument)
{
	usage_error_because("trace", reason, argument);
	return STATUS_RUN;
}

static bool parse_sort(const char *name, enum trace_sort *sort)
{
	static const char *const names[] = {
		[SORT_SELF] = "self", [SORT_TOTAL] = "total", [SORT_CALLS] = "calls"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(name, names[i]) == 0) {
			*sort = (enum trace_sort)i;
			return true;
		}
	}
	return false;
}

/* The program's exit status, or ours. */
static int trace(struct trace_run *run, char **argv)
{
	struct matr_error err = {0};
	char ld_stable[PATH_MAX];
	double rate = 1;
	int status = -1;

	if (prepare(run, argv[0], ld_stable, &err) == 0)
		status = trace_execute(run, argv, &rate, &err);
	if (status >= 0 && trace_report(run, rate, &err) != 0)
		status = -1;
	if (status < 0)
		print_error(&err);
	trace_end(run);
	return status < 0 ? STATUS_RUN : status;
}

int command_trace(const struct context *context, int argc, char **argv)
{
	struct trace_run run = {.output_fd = -1};
	const char *sort = "self";
	char *program = NULL;
	int status;
	const struct option_row rows[] = {
		{"symbol", .list = &run.symbols, .argument = "GLOB",
		 .help = "which functions, also NAME@VERSION; may be given several times",
		 .completes = COMPLETES_SYMBOL},
		{"requester", .text = &run.requester, .argument = "GLOB",
		 .help = "only calls from these objects (path, file name or soname)",
		 .completes = COMPLETES_LIBRARY},
		{"provider", .text = &run.provider, .argument = "GLOB",
		 .help = "only calls to these objects", .completes = COMPLETES_LIBRARY},
		{"count", .flag = &run.count, .help = "count only: less overhead"},
		{"sort", .text = &sort, .argument = "COLUMN",
		 .help = "calls, total or self (default)", .words = "calls total self"},
		{"output", 'o', .text = &run.output, .argument = "FILE",
		 .help = "where the table goes", .completes = COMPLETES_FILE},
		{"format", .format = &run.format},
		{"ld-stable", .text = &run.ld_stable, .argument = "FILE",
		 .help = "the loader to use (else the one beside matr)",
		 .completes = COMPLETES_FILE},
		{0},
	};
	const struct options options = {.command = "trace",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_COMMAND},
					.rows = rows,
					.stop_early = true,
					.usage_status = STATUS_RUN};

	(void)context;
	if (argc > 1 && argv[1][0] != '-') {
		program = argv[1];
		argv++;
		argc--;
	}
	int at = options_parse(&options, argc, argv, &status);
	if (at >= 0 && program)
		argv[--at] = program; /* in the place of the option before it */
	if (at >= 0 && !parse_sort(sort, &run.sort))
		status = usage("no such column", sort);
	else if (at >= 0 && at == argc)
		status = usage("which program?", NULL);
	else if (at >= 0 && !run.symbols.n)
		status = usage("which --symbol?", NULL);
	else if (at >= 0)
		status = trace(&run, argv + at);
	free(run.symbols.list);
	return status;
}
