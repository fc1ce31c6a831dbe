/* report.c - matr report: an epoch, programs or an upgrade as one HTML page. */
#include "matr/report/report.h"
#include "common/message.h"
#include "common/standard.h"
#include "matr/report/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: matr report [OPTION]... -o FILE.html [PROGRAM]...\n"
	"\n"
	"Write one HTML page, for a browser and without a network, about the epoch, or about "
	"these\n"
	"programs of it: libraries as a graph to click through, who binds to what, a search, and\n"
	"the epochs over time.\n";

static const char help_after[] = "Exit status: 0 written; 1 failure; 2 usage.\n"
				 "\n"
				 "  matr report -o epoch.html\n"
				 "  matr report --bench -o git.html git\n"
				 "  matr report --upgrade zlib1g_1.3.1_amd64.deb -o upgrade.html\n";

static int write_page(const char *output, const struct text *page, struct matr_error *err)
{
	bool to_stdout = strcmp(output, "-") == 0;
	FILE *file = to_stdout ? stdout : fopen(output, "we");

	if (!file)
		return matr_fail_errno(err, output, "cannot be written");
	bool written = fwrite(page->bytes, 1, page->size, file) == page->size && fflush(file) == 0;
	int reason = errno;
	if (!to_stdout && fclose(file) != 0 && written) {
		written = false;
		reason = errno;
	}
	if (to_stdout)
		return standard_flush(err);
	errno = reason;
	return written ? 0 : matr_fail_errno(err, output, "cannot be written");
}

static int run(const struct report_request *request, struct matr_error *err)
{
	struct text page = {0};
	struct json_object *data = report_data(request, err);

	if (!data)
		return -1;
	int result = report_page(data, &page, err);
	if (result == 0)
		result = write_page(request->output, &page, err);
	json_object_put(data);
	text_free(&page);
	return result;
}

int command_report(const struct context *context, int argc, char **argv)
{
	struct report_request request = {.prefix = context->prefix};
	struct matr_error err = {0};
	int status;
	const struct option_row rows[] = {
		{"output", 'o', .text = &request.output, .argument = "FILE",
		 .help = "the page; - is standard output", .completes = COMPLETES_FILE},
		{"upgrade", .list = &request.upgrade, .argument = "CHANGE",
		 .help = "what `matr check-upgrade --replace CHANGE` says (OLD=NEW, FILE.deb); "
			 "several times for several",
		 .completes = COMPLETES_FILE},
		{"from", .text = &request.from, .argument = "EPOCH",
		 .help = "what has changed since that epoch, as `matr diff --details` has it",
		 .completes = COMPLETES_EPOCH},
		{"bench", .flag = &request.bench,
		 .help = "start-up times of the programs, which are started for it"},
		{"epoch", .text = &request.epoch, .argument = "EPOCH",
		 .help = "of that epoch: a number, current or previous",
		 .completes = COMPLETES_EPOCH},
		option_prefix(&request.prefix),
		{0},
	};
	const struct options options = {.command = "report",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at >= 0) {
		request.programs = argv + at;
		request.n_programs = (size_t)(argc - at);
		if (!request.output) {
			status = usage_error_because("report", "-o: which file?", NULL);
		} else if (request.bench && !request.n_programs) {
			status = usage_error_because("report", "--bench: of which programs?", NULL);
		} else {
			status = run(&request, &err) == 0 ? STATUS_OK : STATUS_FAILURE;
			if (status != STATUS_OK && err.message[0])
				print_error(&err);
		}
	}
	free(request.upgrade.list);
	return status;
}
