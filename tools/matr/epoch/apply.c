/* apply.c - matr epoch apply: edits that were changed with SQL take effect. */
#include "common/options.h"
#include "matr/edit/rebind.h"
#include "matr/epoch/epoch.h"

static const char apply_help[] = "usage: matr epoch apply [--root DIR]\n"
				 "\n"
				 "Apply the store's edits (the table `edits`, matr-rebind(1)) as "
				 "they are now: what was changed\n"
				 "with SQL takes effect. The epoch begins anew with the programs "
				 "it has; what has not changed\n"
				 "is taken over. Edited programs are started first, up to their "
				 "main(): if one dies that does\n"
				 "not without the edits, nothing changes.\n";

static const char apply_help_after[] =
	"Exit status: 0 done, and all edits hold; 1 failure, or no epoch is in force, and nothing "
	"has\n"
	"changed; 2 usage; 3 done, but some edit could not be applied everywhere.\n"
	"\n"
	"  matr sql --write \"DELETE FROM store.edits WHERE author LIKE '%alice%'\" && matr epoch "
	"apply\n";

int command_epoch_apply(const struct context *context, int argc, char **argv)
{
	struct rebind request = {.prefix = context->prefix};
	struct matr_error err = {0};
	char ld_stable[PATH_MAX];
	int status;
	const struct option_row rows[] = {
		{"root", .text = &request.root, .argument = "DIR",
		 .help = "of the system in DIR, which is not running; all other paths are paths in "
			 "DIR",
		 .completes = COMPLETES_DIRECTORY},
		{"force", .flag = &request.force, .help = "without trying the edits"},
		{"ld-stable", .text = &request.epoch.ld_stable, .argument = "FILE",
		 .help = "the loader to install in the prefix (else the one beside matr)",
		 .completes = COMPLETES_FILE},
		{"jobs", 'j', .jobs = &request.epoch.jobs, .argument = "N",
		 .help = "threads that work at once"},
		option_prefix(&request.prefix),
		{"quiet", 'q', .flag = &request.quiet, .help = "print nothing where all went well"},
		{0},
	};
	const struct options options = {.command = "epoch apply",
					.help = apply_help,
					.after = apply_help_after,
					.rows = rows,
					.no_arguments = true};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	status = rebind_enter(&request, ld_stable, &err);
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
