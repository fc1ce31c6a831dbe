/* command_epoch_apply.c - matr epoch apply: edits that were changed with SQL take effect. */
#include "common/options.h"
#include "matr/command.h"
#include "matr/edit/rebind.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char apply_help[] =
	"usage: matr epoch apply [--root DIR]\n"
	"\n"
	"Apply the store's edits (the table `edits`, matr-rebind(1)) as they are now: what was "
	"changed\n"
	"with SQL takes effect. The epoch begins anew with the programs it has; what has not "
	"changed\n"
	"is taken over.\n"
	"\n"
	"  --root DIR         of the system in DIR, which is not running; all other paths are "
	"paths "
	"in DIR\n"
	"  --ld-stable FILE   the loader to install in the prefix (else the one beside matr)\n"
	"  -j, --jobs N       threads that work at once\n"
	"  -q, --quiet        print nothing where all went well\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done, and all edits hold; 1 failure, or no epoch is in force, and nothing "
	"has\n"
	"changed; 2 usage; 3 done, but some edit could not be applied everywhere.\n"
	"\n"
	"  matr sql --write \"DELETE FROM store.edits WHERE author LIKE '%alice%'\" && matr epoch "
	"apply\n";

int command_epoch_apply(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, 'R'},
		{"ld-stable", required_argument, NULL, 'l'},
		{"jobs", required_argument, NULL, 'j'},
		{"prefix", required_argument, NULL, 'p'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct rebind request = {.prefix = context->prefix};
	struct matr_error err = {0};
	char ld_stable[PATH_MAX];
	int option;

	while ((option = getopt_long(argc, argv, "hqj:", options, NULL)) != -1) {
		switch (option) {
		case 'R':
			request.root = optarg;
			break;
		case 'l':
			request.epoch.ld_stable = optarg;
			break;
		case 'j':
			if (!parse_jobs(optarg, &request.epoch.jobs))
				return usage_error_because("epoch apply", "no number of jobs",
							   optarg);
			break;
		case 'p':
			request.prefix = optarg;
			break;
		case 'q':
			request.quiet = true;
			break;
		case 'h':
			fputs(apply_help, stdout);
			return STATUS_OK;
		default:
			return usage_error("epoch apply");
		}
	}
	if (optind < argc)
		return usage_error_because("epoch apply", "unexpected argument", argv[optind]);
	int status = rebind_enter(&request, ld_stable, &err);
	bool entered = status == 0;
	if (status == 0 && !matr_epoch_of_image(request.prefix))
		status = matr_fail(&err, MATR_ERROR_STATE, request.prefix,
				   "no epoch is in force; begin one, and it has the edits");
	if (status == 0)
		status = rebind_apply(&request, &err);
	if (entered)
		rebind_leave(&request);
	if (status == STATUS_DECLINED)
		rebind_list(request.prefix, FORMAT_TABLE);
	if (status < 0)
		print_error(&err);
	return status < 0 ? STATUS_FAILURE : status;
}
