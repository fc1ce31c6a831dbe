/* main.c - matr: the options before the command, and which command it is. */
#include "common/options.h"
#include "common/safe.h"
#include "matr/bench/commands.h"
#include "matr/compare/commands.h"
#include "matr/edit/commands.h"
#include "matr/epoch/commands.h"
#include "matr/query/commands.h"
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
	"Stable linking: programs start from a relocation mapping that was computed once.\n"
	"\n"
	"  matr epoch begin PROGRAM...    compute and put in force the mapping of programs\n"
	"  matr epoch status              what is in force, and whether all is well\n"
	"  matr epoch end                 back to ordinary linking\n"
	"  matr epoch wrap -- COMMAND     the same around a command that changes files\n"
	"  matr baseline save FILE        sign mappings off, in a file; `baseline check FILE` "
	"compares\n"
	"  matr bench PROGRAM [ARG]...    what it gains here, measured\n"
	"  matr check                     which programs lack a library, a version or a symbol\n"
	"  matr check-upgrade --replace OLD=NEW\n"
	"                                what an upgrade would change, without making it\n"
	"  matr diff EPOCH EPOCH          what differs: epochs, programs, a program in two epochs\n"
	"  matr exposed --library LIB     every program that binds to a library, or a symbol\n"
	"  matr hooks install             have package managers end and begin epochs\n"
	"  matr inspect PROGRAM           show a program's relocation mapping\n"
	"  matr loader install            make ld-stable the system's dynamic linker\n"
	"  matr enable PROGRAM...         make it these programs' only; disable undoes it\n"
	"  matr loader uninstall          put the real one back; status says which is there\n"
	"  matr rebind PROGRAM ...        have it bind a symbol to another library\n"
	"  matr record PROGRAM [ARG]...   run it and note what it loads with dlopen()\n"
	"  matr doctor                    what is wrong, if anything, and what to do\n"
	"  matr run PROGRAM [ARG]...      run a program with its mapping\n"
	"  matr sql [FILE]... [QUERY]...  ask with SQL: mappings and ELF files\n"
	"  matr shadowed PROGRAM...       symbols with more than one provider, and who wins\n"
	"  matr trace --symbol GLOB PROGRAM   count and time calls, by way of the mapping\n"
	"  matr tree PROGRAM              which object needs which, drawn\n"
	"  matr verify PROGRAM...         compare the mapping with what ld.so writes\n"
	"  matr why PROGRAM SYMBOL        who provides it, and what the others had to offer\n"
	"\n"
	"  --prefix DIR   where store and image are (else MATR_PREFIX, else " MATR_DEFAULT_PREFIX
	")\n"
	"  -v, --verbose  say more on standard error\n"
	"  --version      print the version\n"
	"  -h, --help     this text; `matr COMMAND --help` has each command's own\n"
	"\n"
	"Exit status: 0 success; 1 failure, or something is not as it should be; 2 usage;\n"
	"3 epoch begun, but some programs were declined. `run` has the program's own, or 125\n"
	"(matr failed), 126 (found, but cannot be executed), 127 (not found).\n"
	"\n"
	"Try it without root:\n"
	"  export MATR_PREFIX=$HOME/.matr\n"
	"  matr epoch begin git && matr run git --version && matr inspect git\n";

static const struct command commands[] = {
	{"baseline", command_baseline}, {"bench", command_bench},
	{"check", command_check},	{"check-upgrade", command_check_upgrade},
	{"diff", command_diff},		{"disable", command_disable},
	{"doctor", command_doctor},	{"enable", command_enable},
	{"epoch", command_epoch},	{"exposed", command_exposed},
	{"hooks", command_hooks},	{"inspect", command_inspect},
	{"loader", command_loader},	{"rebind", command_rebind},
	{"record", command_record},	{"run", command_run},
	{"sql", command_sql},		{"trace", command_trace},
	{"verify", command_verify},	{"shadowed", command_shadowed},
	{"tree", command_tree},		{"why", command_why},
};

static const struct command_group matr = {
	.name = "",
	.help = help,
	.question = "which command?",
	.unknown = "no such command",
	.commands = commands,
	.n = sizeof commands / sizeof *commands,
};

int main(int argc, char **argv)
{
	const char *prefix = getenv("MATR_PREFIX");
	struct context context = {.prefix = prefix && *prefix ? prefix : MATR_DEFAULT_PREFIX};
	bool version = false;
	int status;
	const struct option_row rows[] = {
		{"prefix", .text = &context.prefix},
		{"verbose", 'v', .flag = &context.verbose},
		{"version", .flag = &version},
		{0},
	};
	const struct options options = {
		.command = "",
		.help = help,
		.rows = rows,
		.stop_early = true,
	};

	safe_use_utf8();
	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (version) {
		puts("matr " MATR_VERSION);
		return STATUS_OK;
	}
	return command_dispatch(&matr, &context, argc - at + 1, argv + at - 1);
}
