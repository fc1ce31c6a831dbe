/* inspect.c - matr inspect: a program's relocation mapping, from the store. */
#include "matr/query/inspect.h"
#include "common/options.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"

static const char help[] =
	"usage: matr inspect [OPTION]... PROGRAM\n"
	"\n"
	"Show the relocation mapping of a program in the epoch that is in force (else the newest\n"
	"one). Everything comes from the store; the files need not be there.\n"
	"\n"
	"Without options a summary: where its libraries are placed and why, if the epoch is in "
	"force;\n"
	"objects of the scope and how each was found, relocations by\n"
	"type, what the mapping applies, what is left to ld.so, how often others bind to an "
	"object.\n"
	"With --all or a filter one row per relocation (relative ones are not bindings and not\n"
	"listed): requester, symbol, version, provider, binding (bound: looked up in the scope;\n"
	"local: the object's own without a lookup; null: weak, defined nowhere; undefined: lazily\n"
	"bound, defined nowhere; none: no symbol), relocation type, offset, addend, applied "
	"(word:\n"
	"load address + value; ifunc: the resolver's result; copy; lazy: when first called;\n"
	"residual: left to ld.so).\n";

static const char help_after[] =
	"Exit status: 0 success; 1 failure, or the program is not in the epoch; 2 usage.\n"
	"\n"
	"  matr inspect git\n"
	"  matr inspect git --symbol 'str*' --provider 'libc.so*'\n"
	"  matr inspect clang --all --format csv > clang.csv\n"
	"  matr inspect python3 --closure _ctypes.cpython-311-x86_64-linux-gnu.so --symbol "
	"'ffi_*'\n";

int command_inspect(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *epoch = NULL, *closure = NULL, *root = NULL;
	enum output_format format = FORMAT_TABLE;
	struct inspect_filter filter = {0};
	struct matr_applied_mapping *applied = NULL;
	struct recorded recorded = {.store = NULL};
	struct matr_error err = {0};
	bool all = false, bindings = false, closures = false;
	int status;
	const struct option_row rows[] = {
		{"all", .flag = &all, .help = "every relocation"},
		{"bindings", .flag = &bindings,
		 .help = "every binding once, sorted: requester, symbol, version, provider, as "
			 "LD_DEBUG=bindings has them (as a table: tab-separated, no header)"},
		{"closures", .flag = &closures,
		 .help = "what the program loads with dlopen(), as recorded: one row each"},
		{"closure", .text = &closure, .argument = "LIBRARY",
		 .help = "the relocations of what loading this library brings in, in the place of "
			 "the program's own",
		 .completes = COMPLETES_LIBRARY},
		{"epoch", .text = &epoch, .argument = "EPOCH",
		 .help = "in that epoch: a number (`matr epoch list`), current or previous",
		 .completes = COMPLETES_EPOCH},
		option_root(&root),
		{"symbol", .text = &filter.symbol, .argument = "GLOB",
		 .help = "only these symbols (NAME, or NAME@VERSION)",
		 .completes = COMPLETES_SYMBOL},
		{"requester", .text = &filter.requester, .argument = "GLOB",
		 .help = "only references from these objects (path, file name or soname)",
		 .completes = COMPLETES_LIBRARY},
		{"provider", .text = &filter.provider, .argument = "GLOB",
		 .help = "only references bound to these objects", .completes = COMPLETES_LIBRARY},
		{"format", .format = &format},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "inspect",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (argc - at != 1)
		return usage_error_because("inspect", "one program, please", NULL);

	if (all && bindings)
		return usage_error_because("inspect", "--all and --bindings do not go together",
					   NULL);
	all |= filter.symbol || filter.requester || filter.provider || closure;
	if (closures && (all || bindings))
		return usage_error_because("inspect", "--closures goes with --format only", NULL);
	int result = root_of(root, &err);
	if (result == 0)
		result = recorded_open(prefix, argv[at], epoch, &recorded, &err);
	if (result == 0 && closure)
		result = recorded_closure(&recorded, closure, &applied, &err);
	else if (result == 0 && !bindings && !closures)
		result = matr_applied(recorded.mapping, &applied, &err);
	if (result == 0 && closures)
		result = inspect_closures(&recorded, format, &err);
	else if (result == 0 && bindings)
		result = inspect_bindings(&recorded, &filter, format, &err);
	else if (result == 0 && all)
		result = inspect_relocations(&recorded, applied, &filter, format, &err);
	else if (result == 0)
		result = inspect_summary(prefix, &recorded, applied, format, &err);
	matr_applied_free(applied);
	recorded_close(&recorded);
	if (result != 0)
		print_error(&err);
	if (result != 0 && err.code == MATR_ERROR_USAGE)
		return STATUS_USAGE;
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}
