/* command_epoch.c - matr epoch: which of its commands, and end. The others have files of their own. */
#include "common/matrd_client.h"
#include "matr/command.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <matr/epoch.h>

static const char help[] =
	"usage: matr epoch begin [OPTION]... [PROGRAM]...\n"
	"       matr epoch status [--format table|json]\n"
	"       matr epoch end\n"
	"       matr epoch apply\n"
	"       matr epoch wrap [--] COMMAND [ARG]...\n"
	"       matr epoch suspend | resume\n"
	"       matr epoch list\n"
	"       matr epoch show [EPOCH]\n"
	"       matr epoch prune --keep N\n"
	"\n"
	"An epoch is a time in which the installed files do not change. When it begins, the\n"
	"relocation mapping of each program is computed; programs started in it use the mapping.\n"
	"`matr epoch begin --help` and so on have each command's own help.\n";

static const char end_help[] = "usage: matr epoch end\n"
			       "\n"
			       "End the epoch: programs start the ordinary way from now on. Those "
			       "that run are not affected.\n"
			       "\n"
			       "  --no-daemon  do it here, even where matrd runs\n"
			       "  -h, --help   this text\n"
			       "\n"
			       "Exit status: 0 ended; 1 failure, or no epoch was in force; 2 "
			       "usage.\n"
			       "\n"
			       "  matr epoch end\n";

static int command_end(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"prefix", required_argument, NULL, 'p'},
		{"no-daemon", no_argument, NULL, 'N'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *prefix = context->prefix;
	struct matr_error err = {0};
	int64_t id;
	int option, fd = -1;
	bool no_daemon = false;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			prefix = optarg;
			break;
		case 'N':
			no_daemon = true;
			break;
		case 'h':
			fputs(end_help, stdout);
			return STATUS_OK;
		default:
			return usage_error("epoch end");
		}
	}
	if (optind < argc)
		return usage_error_because("epoch end", "unexpected argument", argv[optind]);
	if (!no_daemon && (fd = daemon_connect(prefix)) >= 0) {
		struct json_object *request = json_object_new_object();
		json_object_object_add(request, "request", json_object_new_string("end"));
		json_object_object_add(request, "verbose",
				       json_object_new_boolean(context->verbose));
		int status = daemon_do(fd, request, NULL, &err);
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
	const char *name = argc > 1 ? argv[1] : "";

	if (argc > 1)
		argv[1] = argv[0]; /* with which getopt begins its complaints */
	if (strcmp(name, "begin") == 0)
		return command_epoch_begin(context, argc - 1, argv + 1);
	if (strcmp(name, "end") == 0)
		return command_end(context, argc - 1, argv + 1);
	if (strcmp(name, "apply") == 0)
		return command_epoch_apply(context, argc - 1, argv + 1);
	if (strcmp(name, "status") == 0)
		return command_epoch_status(context, argc - 1, argv + 1);
	if (strcmp(name, "list") == 0)
		return command_epoch_list(context, argc - 1, argv + 1);
	if (strcmp(name, "show") == 0)
		return command_epoch_show(context, argc - 1, argv + 1);
	if (strcmp(name, "prune") == 0)
		return command_epoch_prune(context, argc - 1, argv + 1);
	if (strcmp(name, "wrap") == 0 || strcmp(name, "suspend") == 0 ||
	    strcmp(name, "resume") == 0)
		return command_epoch_wrap(context, argc - 1, argv + 1, name);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	return usage_error_because(
		"epoch", "begin, end, status, list, show, prune, apply, wrap, suspend or resume?",
		*name ? name : NULL);
}
