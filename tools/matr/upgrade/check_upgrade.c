/* check_upgrade.c - matr check-upgrade: what would change for programs if files were replaced.
 *
 * The programs' scopes are made; the new files come into place, in a private mount namespace that
 * this process has moved into (overlay.h); the scopes are made again, and compared
 * (matr/upgrade.h). Packages are unpacked in that namespace too, in memory, so that there is
 * nothing to tidy up however this ends.
 */
#include "common/options.h"
#include "common/output.h"
#include "common/progress.h"
#include "matr/upgrade/changes.h"
#include "matr/upgrade/commands.h"
#include "matr/upgrade/overlay.h"
#include "matr/upgrade/overlay_package.h"
#include "matr/upgrade/programs.h"
#include "matr/upgrade/table.h"

#include <stdio.h>
#include <stdlib.h>

/* As those of matr diff. */
enum { CHECK_GOOD = STATUS_OK, CHECK_WORSE = STATUS_FAILURE, CHECK_TROUBLE = STATUS_USAGE };

static const char help[] =
	"usage: matr check-upgrade --replace OLD=NEW|FILE.deb... [OPTION]... [PROGRAM]...\n"
	"\n"
	"How many programs of the epoch (or of these) would bind otherwise, or no longer start, "
	"if\n"
	"files were replaced, by fact; with --details every program and binding. Only programs\n"
	"that load what is replaced are looked at. No program is started, and the epoch stays as\n"
	"it is.\n";

static const char help_after[] =
	"Exit status: 0 nothing changes for the worse; 1 something would; 2 trouble.\n"
	"\n"
	"  matr check-upgrade --replace /lib/x86_64-linux-gnu/libz.so.1=build/libz.so.1.3.1\n"
	"  matr check-upgrade --replace zlib1g_1.3.1_amd64.deb --replace "
	"libpng16-16_1.6.40_amd64.deb\n"
	"  matr check-upgrade --replace /opt/app/lib=/opt/app-2/lib --format json app\n";

struct request {
	const char *prefix;
	struct upgrade_changes changes;
	bool all, details;
	enum output_format format;
};

/* ---- the files come into place ---- */

static int apply_packages(const struct upgrade_changes *changes, const char *work,
			  const struct matr_diversions *diversions, struct matr_error *err)
{
	struct overlay_package *packages = calloc(changes->n + 1, sizeof *packages);
	size_t n = 0;

	if (!packages)
		return matr_fail_memory(err);
	for (size_t i = 0; i < changes->n; i++)
		if (changes->list[i].kind == UPGRADE_PACKAGE)
			packages[n++] = (struct overlay_package){changes->list[i].package,
								 changes->list[i].source};
	int result = overlay_packages(work, packages, n, diversions, err);
	free(packages);
	return result;
}

/* Packages first: single files then apply to the result. */
static int apply(const struct upgrade_changes *changes, const char *work,
		 const struct matr_diversions *diversions, struct matr_error *err)
{
	int result = apply_packages(changes, work, diversions, err);

	for (size_t i = 0; i < changes->n && result == 0; i++) {
		const struct upgrade_change *change = &changes->list[i];
		switch (change->kind) {
		case UPGRADE_PACKAGE:
			break;
		case UPGRADE_REPLACE:
			result = overlay_replace(change->target, change->source, err);
			break;
		case UPGRADE_ADD:
			result = overlay_put(work, change->target, change->source, err);
			break;
		case UPGRADE_REMOVE:
			result = overlay_remove(work, change->target, err);
			break;
		}
	}
	return result == 0 ? overlay_ldconfig(work, err) : result;
}

/* ---- the check ---- */

/* 0, or 1: something changes for the worse. */
static int compare(const struct request *request, const struct upgrade_programs *programs,
		   struct matr_upgrade *upgrade, struct progress *progress, struct matr_error *err)
{
	struct upgrade_table table;
	int result = 0;

	upgrade_table_open(&table, request->format, request->all, request->details);
	for (size_t i = 0; i < programs->n && result == 0; i++) {
		struct matr_upgrade_result one;
		progress_show(progress, programs->n + i, 2 * programs->n);
		result = matr_upgrade_check(upgrade, i, &one, err);
		if (result == 0)
			upgrade_table_add(&table, programs->list[i].path, &one);
		matr_upgrade_result_free(&one);
	}
	progress_clear(progress);
	int closed = upgrade_table_close(&table, programs->n_asked, programs->n,
					 result == 0 ? err : NULL);
	return result == 0 && closed == 0 ? table.worse : -1;
}

static void scopes_made(void *progress, size_t done, size_t n)
{
	progress_show(progress, done, 2 * n);
}

static int check(struct request *request, const struct matr_config *config,
		 struct upgrade_programs *programs, bool all_programs, struct matr_error *err)
{
	struct progress progress = progress_begin("checking programs");
	struct upgrade_touched touched = {.everything = false};
	struct matr_diversions *diversions = NULL;
	struct matr_upgrade *upgrade = NULL;
	const char *work;

	int result = matr_diversions_read(NULL, &diversions, err);
	if (result == 0)
		result = overlay_enter(&work, err);
	if (result == 0)
		result = upgrade_unpack(&request->changes, work, err);
	if (result == 0)
		result = upgrade_touched_find(&request->changes, diversions, &touched, err);
	if (result == 0)
		result = upgrade_programs_find(programs, config, &touched, err);
	for (size_t i = 0; i < request->changes.n && all_programs && result == 0; i++)
		result = upgrade_programs_add_new(programs, config, &request->changes.list[i],
						  diversions, err);
	if (result == 0)
		result = matr_upgrade_open(programs->list, programs->n, scopes_made, &progress,
					   &upgrade, err);
	if (result == 0)
		result = apply(&request->changes, work, diversions, err);
	if (result == 0)
		result = matr_upgrade_changed(upgrade, err);
	if (result == 0)
		result = compare(request, programs, upgrade, &progress, err);
	progress_clear(&progress);
	upgrade_touched_free(&touched);
	matr_upgrade_close(upgrade);
	matr_diversions_free(diversions);
	return result;
}

static int run(struct request *request, int n, char **names)
{
	struct upgrade_programs programs = {.n = 0};
	struct matr_config *config = NULL;
	struct matr_error err = {0};

	int result = matr_config_load(NULL, &config, &err);
	if (result == 0)
		result = upgrade_programs_open(request->prefix, n, names, &programs, &err);
	if (result == 0)
		result = check(request, config, &programs, n == 0, &err);
	upgrade_programs_free(&programs);
	matr_config_free(config);
	if (result < 0) {
		print_error(&err);
		return CHECK_TROUBLE;
	}
	return result ? CHECK_WORSE : CHECK_GOOD;
}

/* ---- the command line ---- */

static int add_change(struct request *request, enum upgrade_change_kind kind, const char *argument)
{
	struct matr_error err = {0};

	if (upgrade_changes_add(&request->changes, kind, argument, &err) == 0)
		return -1;
	print_error(&err);
	return CHECK_TROUBLE;
}

static int take_replace(void *request, const char *argument)
{
	return add_change(request, UPGRADE_REPLACE, argument);
}

static int take_add(void *request, const char *argument)
{
	return add_change(request, UPGRADE_ADD, argument);
}

static int take_remove(void *request, const char *argument)
{
	return add_change(request, UPGRADE_REMOVE, argument);
}

int command_check_upgrade(const struct context *context, int argc, char **argv)
{
	struct request request = {.prefix = context->prefix};
	const struct option_row rows[] = {
		{"replace", .take = take_replace, .context = &request, .argument = "FILE.deb",
		 .help = "what the installed package has by what this one has",
		 .completes = COMPLETES_FILE},
		{"add", .take = take_add, .context = &request, .argument = "PATH=NEW",
		 .help = "a file or directory that is not there yet", .completes = COMPLETES_FILE},
		{"remove", .take = take_remove, .context = &request, .argument = "PATH",
		 .help = "a file that will be gone", .completes = COMPLETES_FILE},
		{"details", .flag = &request.details, .help = "a row per program and binding"},
		{"all", .flag = &request.all,
		 .help = "list what makes no difference, too: references that are no more, and "
			 "programs that would load other files and bind as before"},
		{"format", .format = &request.format},
		option_prefix(&request.prefix),
		{0},
	};
	const struct options options = {.command = "check-upgrade",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};
	int status;

	int at = options_parse(&options, argc, argv, &status);
	if (at >= 0 && !request.changes.n)
		status = usage_error_because("check-upgrade", "what is to be replaced?", NULL);
	else if (at >= 0)
		status = run(&request, argc - at, argv + at);
	upgrade_changes_free(&request.changes);
	return status;
}
