/* doctor.c - matr doctor: examines everything that MatR depends on, and gives advice.
 *
 * It changes nothing, and it reports what it cannot examine as an ordinary user. The subjects are
 * in doctor_prefix.c and doctor_loader.c.
 */
#include "matr/system/doctor.h"
#include "common/options.h"
#include "common/output.h"
#include "matr/namespace/root.h"
#include "matr/system/commands.h"
#include "matr/system/hooks.h"

#include <stdio.h>
#include <stdlib.h>

static const char help[] = "usage: matr doctor [OPTION]...\n"
			   "\n"
			   "Look at all that MatR depends on: what the kernel offers, whose the "
			   "files are, store, image\n"
			   "and the files they are about, the loader, the package managers' hooks; "
			   "and start a program.\n"
			   "Nothing is changed. Each finding is `ok`, `note` (good to know), "
			   "`warning` (something does\n"
			   "not work as well as it could) or `error`, with what to do about it.\n";

static const char help_after[] =
	"Exit status: 0 no warning and no error; 1 there is one; 2 usage.\n"
	"\n"
	"  matr doctor -v\n"
	"  matr doctor --format json | jq '.[] | select(.state == \"error\")'\n";

static void examine_hooks(struct examination *examination)
{
	char names[128];
	const char *idle = hooks_idle();

	if (idle)
		findings_add(&examination->findings, "hooks", STATE_WARNING, "install MatR again",
			     "%s cannot be executed: the package managers' hooks do nothing", idle);

	if (hooks_missing(names, sizeof names))
		findings_add(
			&examination->findings, "hooks",
			examination->in_force ? STATE_WARNING : STATE_NOTE, "`matr hooks install`",
			"without their hook, %s would change packages in the midst of an epoch",
			names);
	else
		findings_add(&examination->findings, "hooks", STATE_OK, NULL,
			     "the package managers that are here have their hooks");
}

/* ---- the answer ---- */

static const char *const state_names[] = {"ok", "note", "warning", "error"};

static void show_table(const struct examination *examination, bool verbose)
{
	size_t shown = 0;

	for (size_t i = 0; i < examination->findings.n; i++) {
		const struct finding *finding = &examination->findings.list[i];
		if (finding->state == STATE_OK && !verbose)
			continue;
		char name[16];
		snprintf(name, sizeof name, "%-8s", state_names[finding->state]);
		if (finding->state >= STATE_WARNING)
			output_bold("%s", name);
		else
			fputs(name, stdout);
		safe_printf(" %-10s %s\n", finding->subject, finding->text);
		if (finding->advice)
			printf("%-19s -> %s\n", "", finding->advice);
		shown++;
	}
	if (!shown)
		printf("all is well\n");
}

static int show(const struct examination *examination, enum output_format format, bool verbose,
		struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"subject", COLUMN_LEFT},
		{"state", COLUMN_LEFT},
		{"finding", COLUMN_LEFT},
		{"advice", COLUMN_LEFT},
	};
	struct output output;

	if (examination->findings.failed)
		return matr_fail_memory(err);
	if (format == FORMAT_TABLE) {
		show_table(examination, verbose);
		return output_flush(err);
	}
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < examination->findings.n; i++) {
		const struct finding *finding = &examination->findings.list[i];
		output_text(&output, finding->subject);
		output_text(&output, state_names[finding->state]);
		output_text(&output, finding->text);
		output_text(&output, finding->advice);
	}
	return output_close(&output, err);
}

int command_doctor(const struct context *context, int argc, char **argv)
{
	struct examination examination = {.prefix = context->prefix};
	enum output_format format = FORMAT_TABLE;
	const char *root = NULL;
	bool verbose = context->verbose;
	struct matr_error err = {0};
	int status;
	const struct option_row rows[] = {
		{"root", .text = &root, .argument = "DIR",
		 .help = "of the system in that tree; the kernel, this MatR and starts are left "
			 "out",
		 .completes = COMPLETES_DIRECTORY},
		{"format", .format = &format},
		{"verbose", 'v', .flag = &verbose, .help = "list also what is ok"},
		option_prefix(&examination.prefix),
		{0},
	};
	const struct options options = {.command = "doctor",
					.help = help,
					.after = help_after,
					.rows = rows,
					.no_arguments = true};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (root_of(root, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	/* A tree may be examined from outside by another user than will start programs in it. */
	if (!root)
		examine_kernel(&examination);
	examine_glibc(&examination);
	if (!root)
		examine_ld_stable(&examination);
	examine_prefix(&examination);
	examine_epoch(&examination);
	examine_loader(&examination);
	examine_enabled(&examination);
	if (!root)
		examine_start(&examination);
	examine_hooks(&examination);
	status = STATUS_OK;
	for (size_t i = 0; i < examination.findings.n; i++) {
		if (examination.findings.list[i].state >= STATE_WARNING)
			status = STATUS_FAILURE;
	}
	if (show(&examination, format, verbose, &err) != 0) {
		print_error(&err);
		status = STATUS_FAILURE;
	}
	findings_free(&examination.findings);
	return status;
}
