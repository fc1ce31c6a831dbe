/* command_doctor.c - matr doctor: looks at everything that MatR depends on, and says what to do.
 *
 * It changes nothing, and what it cannot look at as an ordinary user it says so of. The subjects are in doctor_prefix.c and
 * doctor_loader.c.
 */
#include "matr/system/doctor.h"
#include "common/output.h"
#include "matr/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] = "usage: matr doctor [--format table|json|csv]\n"
			   "\n"
			   "Look at all that MatR depends on: what the kernel offers, whose the "
			   "files are, store, image\n"
			   "and the files they are about, the loader, the package managers' hooks; "
			   "and start a program.\n"
			   "Nothing is changed. Each finding is `ok`, `note` (good to know), "
			   "`warning` (something does\n"
			   "not work as well as it could) or `error`, with what to do about it.\n"
			   "\n"
			   "  --format FORMAT  table (default), json or csv\n"
			   "  -v, --verbose    list also what is ok\n"
			   "  -h, --help       this text\n"
			   "\n"
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
		bool bold = finding->state >= STATE_WARNING;
		printf("%s%-8s%s %-10s %s\n", bold ? output_bold() : "",
		       state_names[finding->state], bold ? output_normal() : "", finding->subject,
		       finding->text);
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
	static const struct output_column columns[] = {
		{"subject", CELL_TEXT},
		{"state", CELL_TEXT},
		{"finding", CELL_TEXT},
		{"advice", CELL_TEXT},
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
	static const struct option options[] = {
		{"format", required_argument, NULL, 'f'},
		{"verbose", no_argument, NULL, 'v'},
		{"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct examination examination = {.prefix = context->prefix};
	enum output_format format = FORMAT_TABLE;
	bool verbose = context->verbose;
	struct matr_error err = {0};
	int option;

	while ((option = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (!output_format_parse(optarg, &format))
				return usage_error_because("doctor", "no such format", optarg);
			break;
		case 'v':
			verbose = true;
			break;
		case 'p':
			examination.prefix = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return usage_error("doctor");
		}
	}
	if (optind < argc)
		return usage_error_because("doctor", "unexpected argument", argv[optind]);
	examine_kernel(&examination);
	examine_ld_stable(&examination);
	examine_prefix(&examination);
	examine_epoch(&examination);
	examine_loader(&examination);
	examine_enabled(&examination);
	examine_start(&examination);
	examine_hooks(&examination);
	int status = STATUS_OK;
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
