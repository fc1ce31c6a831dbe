/* main.c - matr: the options before the command, and which command it is. */
#include "common/options.h"
#include "common/safe.h"
#include "common/screen.h"
#include "common/standard.h"
#include "common/terminal.h"
#include "matr/bench/commands.h"
#include "matr/compare/commands.h"
#include "matr/complete/complete.h"
#include "matr/edit/commands.h"
#include "matr/epoch/commands.h"
#include "matr/export/commands.h"
#include "matr/query/commands.h"
#include "matr/report/commands.h"
#include "matr/run/commands.h"
#include "matr/system/commands.h"
#include "matr/trace/commands.h"
#include "matr/upgrade/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>
#include <matr/prefix.h>

static const char help[] =
	"usage: matr [--prefix DIR] COMMAND ...\n"
	"\n"
	"Stable linking: programs start from a relocation mapping that was computed once.\n";

static const char help_after[] =
	"`matr help COMMAND` and `matr COMMAND --help` have each command's own help.\n"
	"\n"
	"Exit status: 0 success; 1 failure, or something is not as it should be; 2 usage, or\n"
	"standard output cannot be written; 3 epoch begun, but some programs were declined.\n"
	"`run` has the program's own, or 125 (matr failed), 126 (found, but cannot be executed),\n"
	"127 (not found).\n"
	"\n"
	"Try it without root:\n"
	"  export MATR_PREFIX=$HOME/.matr\n"
	"  matr epoch begin git && matr run git --version && matr inspect git\n";

static const struct command commands[] = {
	{"epoch", command_epoch, .usage = "begin [PROGRAM]...", .section = "Put mappings in force",
	 .help = "compute mappings and put them in force; also status, end, wrap, list, show"},
	{"run", command_run, .usage = "PROGRAM [ARG]...", .help = "run a program with its mapping"},
	{"enable", command_enable, .usage = "PROGRAM...",
	 .help = "have these programs start with their mappings"},
	{"disable", command_disable, .usage = "PROGRAM...", .help = "undo enable"},
	{"loader", command_loader, .usage = "install | uninstall | status",
	 .help = "make ld-stable the system's dynamic linker"},
	{"hooks", command_hooks, .usage = "install | uninstall | status",
	 .help = "have package managers end and begin epochs"},
	{"record", command_record, .usage = "PROGRAM [ARG]...",
	 .help = "run a program and record what it loads with dlopen()"},
	{"report", command_report, .usage = "-o FILE.html [PROGRAM]...",
	 .help = "write an epoch, programs or an upgrade as one HTML page"},
	{"export", command_export, .usage = "-o FILE",
	 .help = "write an epoch as tables for other programs, or to a database"},

	{"inspect", command_inspect, .paged = true, .usage = "PROGRAM",
	 .section = "Ask about programs", .help = "show a program's relocation mapping"},
	{"why", command_why, .paged = true, .usage = "PROGRAM SYMBOL",
	 .help = "which object provides a symbol, and why; or what brings a library in"},
	{"tree", command_tree, .paged = true, .usage = "PROGRAM",
	 .help = "which object needs which"},
	{"shadowed", command_shadowed, .paged = true, .usage = "PROGRAM...",
	 .help = "symbols with more than one provider, and which one is bound"},
	{"exposed", command_exposed, .paged = true, .usage = "--library LIBRARY",
	 .help = "every program that binds to a library, or to a symbol"},
	{"sql", command_sql, .usage = "[FILE]... [QUERY]...",
	 .help = "ask with SQL about mappings and ELF files"},

	{"check-upgrade", command_check_upgrade, .paged = true, .usage = "--replace OLD=NEW",
	 .section = "Compare, before and after changes",
	 .help = "what an upgrade would change, without making it"},
	{"diff", command_diff, .paged = true, .usage = "EPOCH EPOCH",
	 .help = "differences between epochs, or between programs"},
	{"baseline", command_baseline, .usage = "save FILE | check FILE",
	 .help = "sign mappings off, and compare with those that were"},
	{"verify", command_verify, .usage = "PROGRAM...",
	 .help = "compare a mapping with what ld.so binds"},

	{"rebind", command_rebind, .usage = "PROGRAM ...", .section = "Change and measure bindings",
	 .help = "bind a symbol to another library"},
	{"bench", command_bench, .usage = "PROGRAM [ARG]...",
	 .help = "what a program gains here, in one sentence"},
	{"trace", command_trace, .usage = "--symbol GLOB PROGRAM", .help = "count and time calls"},

	{"check", command_check, .paged = true, .section = "Find what is wrong",
	 .help = "programs that lack a library, a version or a symbol"},
	{"running", command_running, .paged = true,
	 .help = "processes that use files which were replaced"},
	{"doctor", command_doctor, .paged = true,
	 .help = "check the installation, and say what to do"},
};

static const struct command_group matr = {
	.name = "",
	.help = help,
	.after = help_after,
	.question = "which command?",
	.commands = commands,
	.n = sizeof commands / sizeof *commands,
};

static int take_color(void *context, const char *when)
{
	enum terminal_color color;

	(void)context;
	if (!terminal_parse_color(when, &color))
		return usage_error_because("", "auto, always or never, please", when);
	terminal_set_color(color);
	return -1;
}

static int run(int argc, char **argv)
{
	const char *prefix = getenv("MATR_PREFIX");
	struct context context = {.prefix = prefix && *prefix ? prefix : MATR_DEFAULT_PREFIX};
	bool version = false;
	int status;
	const struct option_row rows[] = {
		{"prefix", .text = &context.prefix, .argument = "DIR",
		 .completes = COMPLETES_DIRECTORY,
		 .help = "where store and image are (else MATR_PREFIX, else " MATR_DEFAULT_PREFIX
			 ")"},
		{"verbose", 'v', .flag = &context.verbose, .help = "say more on standard error"},
		{"color", .take = take_color, .argument = "WHEN", .words = "auto always never",
		 .help = "auto (default: on a terminal, unless NO_COLOR is set), always or never"},
		{"no-pager", .flag = &context.no_pager,
		 .help = "do not use a pager (MATR_PAGER, else PAGER) for long answers"},
		{"version", .flag = &version, .help = "print the version"},
		{0},
	};
	const struct options options = {
		.command = "",
		.help = help,
		.after = help_after,
		.add_list = command_add_list,
		.commands = &matr,
		.rows = rows,
		.stop_early = true,
	};

	screen_open();
	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (version) {
		puts("matr " MATR_VERSION);
		return STATUS_OK;
	}
	if (at + 1 == argc && strcmp(argv[at], "help") == 0) {
		options_print_help(&options);
		return STATUS_OK;
	}
	if (at < argc && strcmp(argv[at], "complete") == 0) /* of the shells' scripts; not listed */
		return complete(&matr, &options, &context, argc - at, argv + at);
	return command_dispatch(&matr, &context, argc - at + 1, argv + at - 1);
}

/* Grow the stack at once as deep as it will be. Under RLIMIT_AS it could not grow later, when
 * memory is used up. The process would end by SIGSEGV, not with an error. One page is touched. */
static __attribute__((noinline)) void reserve_stack(void)
{
	enum { DEPTH = 512 << 10 };
	volatile char deepest[DEPTH];

	deepest[0] = 0;
	(void)deepest[0];
}

int main(int argc, char **argv)
{
	reserve_stack();
	standard_open("matr");
	safe_use_utf8();
	return standard_end(run(argc, argv));
}
