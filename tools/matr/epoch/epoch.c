/* epoch.c - matr epoch: its commands, and end. */
#include "matr/epoch/epoch.h"
#include "common/matrd_client.h"
#include "common/options.h"
#include "matr/epoch/commands.h"
#include "matr/namespace/root.h"

#include <inttypes.h>
#include <stdio.h>

#include <matr/epoch.h>

static const char help[] =
	"usage: matr epoch COMMAND [OPTION]... [ARGUMENT]...\n"
	"\n"
	"An epoch is a time in which the installed files do not change. When it begins, the\n"
	"relocation mapping of each program is computed; programs started in it use the mapping.\n";

static const char after[] = "`matr epoch begin --help` and so on have each command's own help.\n";

static const char end_help[] = "usage: matr epoch end [OPTION]...\n"
			       "\n"
			       "End the epoch: programs start the ordinary way from now on. Those "
			       "that run are not affected.\n";

static const char end_help_after[] =
	"Exit status: 0 ended; 1 failure, or no epoch was in force; 2 usage.\n"
	"\n"
	"  matr epoch end\n";

static int command_end(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *root = NULL;
	struct matr_error err = {0};
	int64_t id;
	int status, fd = -1;
	bool no_daemon = false;
	const struct option_row rows[] = {
		option_root(&root),
		{"no-daemon", .flag = &no_daemon, .help = "do it here, even where matrd runs"},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "epoch end",
					.help = end_help,
					.after = end_help_after,
					.rows = rows,
					.no_arguments = true};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (root_of(root, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	if (!no_daemon && !root && (fd = matrd_connect(prefix)) >= 0) {
		struct json_object *request = json_object_new_object();
		json_object_object_add(request, "request", json_object_new_string("end"));
		json_object_object_add(request, "verbose",
				       json_object_new_boolean(context->verbose));
		status = matrd_do(fd, request, NULL, NULL, &err);
		if (status < 0)
			print_error(&err);
		return status < 0 ? STATUS_FAILURE : status;
	}
	if (matr_epoch_end(prefix, &id, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	if (context->verbose)
		printf("epoch %" PRId64 " ended\n", id);
	return STATUS_OK;
}

int command_epoch(const struct context *context, int argc, char **argv)
{
	static const struct command commands[] = {
		{"begin", command_epoch_begin, .usage = "[PROGRAM]...",
		 .help = "compute mappings and put them in force"},
		{"status", command_epoch_status, .paged = true,
		 .help = "what is in force, and whether all is well"},
		{"end", command_end, .help = "back to ordinary linking"},
		{"wrap", command_epoch_wrap, .usage = "-- COMMAND [ARG]...",
		 .help = "run a command that changes files, outside the epoch"},
		{"suspend", command_epoch_suspend, .help = "end the epoch for a while"},
		{"resume", command_epoch_resume, .help = "begin a suspended epoch again"},
		{"list", command_epoch_list, .paged = true, .help = "the epochs that are kept"},
		{"show", command_epoch_show, .paged = true, .usage = "[EPOCH]",
		 .help = "what is known of one"},
		{"prune", command_epoch_prune, .usage = "--keep N", .help = "remove old ones"},
		{"rebase", command_epoch_rebase, .help = "other addresses for shared libraries"},
		{"apply", command_epoch_apply, .help = "apply the edits of mappings"},
	};
	static const struct command_group group = {
		.name = "epoch",
		.help = help,
		.after = after,
		.question = "begin, end, status, list, show, prune, rebase, apply, wrap, suspend "
			    "or resume?",
		.commands = commands,
		.n = sizeof commands / sizeof *commands,
	};

	return command_dispatch(&group, context, argc, argv);
}
