/* command_trace.c - matr trace: a run in which chosen bindings are counted and timed.
 *
 * What an editable mapping is good for: in an epoch of its own, in a temporary prefix, bindings go by way of thunks that count
 * and time. No ptrace, no breakpoints; nothing of the epoch that is in force changes. The thunks write to a file that this
 * process reads when the program has ended, however it did.
 */
#include "matr/trace/trace.h"
#include "common/program.h"
#include "matr/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/edit.h>
#include <matr/secure_exec.h>

static const char help[] =
	"usage: matr trace [OPTION]... --symbol GLOB... [--] PROGRAM [ARG]...\n"
	"       matr trace PROGRAM [OPTION]... --symbol GLOB... [-- ARG...]\n"
	"\n"
	"Run a program and count and time the calls of functions that its objects bind. Each "
	"binding\n"
	"that matches is edited, for this run only, to go by way of a thunk: no ptrace, no\n"
	"breakpoints. When the program has ended, a table goes to standard error.\n"
	"\n"
	"  --symbol GLOB     which functions, also NAME@VERSION; may be given several times\n"
	"  --requester GLOB  only calls from these objects (path, file name or soname)\n"
	"  --provider GLOB   only calls to these objects\n"
	"  --count           count only: less overhead\n"
	"  --sort COLUMN     calls, total or self (default)\n"
	"  -o, --output FILE where the table goes\n"
	"  --format FORMAT   table (default), json or csv\n"
	"  --ld-stable FILE  the loader to use (else the one beside matr)\n"
	"  -h, --help        this text\n"
	"\n"
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
	if (program_kind(run->path, run->interpreter, err) != PROGRAM_DYNAMIC)
		return err->code != MATR_OK ? -1
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

int command_trace(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"symbol", required_argument, NULL, 's'},
		{"requester", required_argument, NULL, 'r'},
		{"provider", required_argument, NULL, 'p'},
		{"count", no_argument, NULL, 'c'},
		{"sort", required_argument, NULL, 'S'},
		{"output", required_argument, NULL, 'o'},
		{"format", required_argument, NULL, 'f'},
		{"ld-stable", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct trace_run run = {
		.symbols = calloc((size_t)argc + 1, sizeof(const char *)),
		.output_fd = -1,
	};
	char ld_stable[PATH_MAX], *program = NULL;
	struct matr_error err = {0};
	double rate = 1;
	int option, status = 0;

	(void)context;
	if (!run.symbols) {
		matr_fail_memory(&err);
		print_error(&err);
		return STATUS_RUN;
	}
	if (argc > 1 && argv[1][0] != '-') {
		program = argv[1];
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	while (!status && (option = getopt_long(argc, argv, "+ho:", options, NULL)) != -1) {
		switch (option) {
		case 's':
			run.symbols[run.n_symbols++] = optarg;
			break;
		case 'r':
			run.requester = optarg;
			break;
		case 'p':
			run.provider = optarg;
			break;
		case 'c':
			run.count = true;
			break;
		case 'S':
			run.sort = strcmp(optarg, "calls") == 0	  ? SORT_CALLS
				   : strcmp(optarg, "total") == 0 ? SORT_TOTAL
								  : SORT_SELF;
			if (run.sort == SORT_SELF && strcmp(optarg, "self") != 0)
				status = usage("no such column", optarg);
			break;
		case 'o':
			run.output = optarg;
			break;
		case 'f':
			if (!output_format_parse(optarg, &run.format))
				status = usage("no such format", optarg);
			break;
		case 'l':
			run.ld_stable = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			free(run.symbols);
			return STATUS_OK;
		default:
			usage_error("trace");
			status = STATUS_RUN;
		}
	}
	argc -= optind;
	argv += optind;
	if (!status && !program && argc == 0)
		status = usage("which program?", NULL);
	if (!status && !run.n_symbols)
		status = usage("which --symbol?", NULL);
	if (!status) {
		if (program)
			*--argv = program; /* in the place of the option before */
		if (prepare(&run, argv[0], ld_stable, &err) != 0) {
			status = -1;
		} else {
			status = trace_execute(&run, argv, &rate, &err);
			if (status >= 0 && trace_report(&run, rate, &err) != 0)
				status = -1;
		}
	}
	if (status < 0)
		print_error(&err);
	trace_end(&run);
	free(run.symbols);
	return status < 0 ? STATUS_RUN : status;
}
