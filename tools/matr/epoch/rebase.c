/* rebase.c - matr epoch rebase: other addresses for shared libraries. */
#include "common/options.h"
#include "matr/epoch/epoch.h"

#include <stdio.h>

#include <matr/epoch.h>

static const char help[] =
	"usage: matr epoch rebase [--once-per-boot]\n"
	"\n"
	"Draw other addresses for the libraries of programs with shared placement. Nothing is\n"
	"resolved; processes that run keep theirs, and load later libraries by ld.so.\n";

static const char help_after[] =
	"Exit status: 0 done, or there was nothing to do; 1 failure; 2 usage.\n"
	"\n"
	"  matr epoch rebase\n";

int command_epoch_rebase(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix;
	struct matr_error err = {0};
	bool once_per_boot = false;
	int status;
	const struct option_row rows[] = {
		{"once-per-boot", .flag = &once_per_boot,
		 .help = "only if the image was written before the machine was started"},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "epoch rebase",
					.help = help,
					.after = help_after,
					.rows = rows,
					.no_arguments = true};

	if (options_parse(&options, argc, argv, &status) < 0)
		return status;
	int result = matr_epoch_rebase(prefix, once_per_boot, &err);
	if (result < 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	if (context->verbose)
		puts(result > 0 ? "rebased" : "nothing to do");
	return STATUS_OK;
}
