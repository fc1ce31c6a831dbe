/* enable.c - matr enable and disable: single programs by ld-stable. */
#include "matr/system/enable.h"
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "matr/system/commands.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/enable.h>
#include <matr/epoch.h>
#include <matr/loader.h>

static const char enable_help[] =
	"usage: matr enable PROGRAM...\n"
	"       matr enable --list [--format table|json|csv]\n"
	"       matr enable --refresh\n"
	"\n"
	"Have programs start by ld-stable where it is not the system's loader: a copy that names\n"
	"/lib64/" MATR_LOADER_FILE
	" as its interpreter takes the program's place, and the original stays\n"
	"beside it under another name. set-user-ID programs and the like are refused.\n";

static const char enable_after[] =
	"Exit status: 0 success; 1 a program could not be enabled; 2 usage.\n"
	"\n"
	"  matr enable clang /usr/lib/libreoffice/program/soffice.bin\n";

static const char disable_help[] = "usage: matr disable PROGRAM...\n"
				   "       matr disable --all\n"
				   "\n"
				   "Put the originals of enabled programs back, exactly.\n";

static const char disable_after[] = "Exit status: 0 success; 1 failure; 2 usage.\n"
				    "\n"
				    "  matr disable clang\n"
				    "  matr disable --all\n";

struct enable {
	struct matr_loader_options options;
	char ld_stable[PATH_MAX];
	enum output_format format;
	bool list, refresh, all, quiet;
};

/* Make the epoch follow the exchanged file. The program stays exchanged, even if this fails. */
static int follow(const struct enable *enable, const char *path)
{
	struct matr_error err = {0};

	if (matr_epoch_follow(enable->options.prefix, path, &err) >= 0)
		return STATUS_OK;
	print_error(&err);
	print_warning("%s: starts plainly until the next epoch", path);
	return STATUS_FAILURE;
}

static int enable_one(const struct enable *enable, const char *path)
{
	struct matr_error err = {0};

	int result = matr_enable(path, &enable->options, &err);
	if (result < 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	if (!enable->quiet)
		safe_printf("%s: %s\n", path,
			    result == MATR_ENABLE_CHANGED ? "enabled" : "was enabled already");
	return follow(enable, path);
}

static int disable_one(const struct enable *enable, const char *path)
{
	static const char *const texts[] = {"was not enabled", "disabled",
					    "had been replaced; what was kept of it is removed"};
	struct matr_error err = {0};

	int result = matr_disable(path, &err);
	if (result < 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	if (!enable->quiet)
		safe_printf("%s: %s\n", path, texts[result]);
	return result == MATR_ENABLE_CHANGED ? follow(enable, path) : STATUS_OK;
}

/* refresh, or disable --all */
static int each_listed(const struct enable *enable)
{
	struct matr_enabled *list;
	struct matr_error err = {0};
	size_t n;
	int status = STATUS_OK;

	if (matr_enabled_list(&list, &n, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	for (size_t i = 0; i < n; i++) {
		int one = STATUS_OK;
		if (enable->all || list[i].state == MATR_ENABLED_REMOVED)
			one = disable_one(enable, list[i].path);
		else if (list[i].state == MATR_ENABLED_REPLACED)
			one = enable_one(enable, list[i].path);
		if (one != STATUS_OK)
			status = one;
	}
	matr_enabled_free(list, n);
	return status;
}

static int show_list(enum output_format format)
{
	static const struct render_column columns[] = {{"program", COLUMN_LEFT},
						       {"state", COLUMN_LEFT}};
	static const char *const states[] = {"enabled", "replaced", "removed"};
	struct output output;
	struct matr_enabled *list;
	struct matr_error err = {0};
	size_t n;

	if (matr_enabled_list(&list, &n, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		output_text(&output, list[i].path);
		output_text(&output, states[list[i].state]);
	}
	matr_enabled_free(list, n);
	if (output_close(&output, &err) == 0)
		return STATUS_OK;
	print_error(&err);
	return STATUS_FAILURE;
}

static int each_named(const struct enable *enable, bool disable, char **names, int n)
{
	char path[PATH_MAX];
	struct matr_error err = {0};
	int status = STATUS_OK;

	for (int i = 0; i < n; i++) {
		int one;
		if (program_canonical(names[i], path, &err) != 0) {
			print_error(&err);
			one = STATUS_FAILURE;
		} else {
			one = disable ? disable_one(enable, path) : enable_one(enable, path);
		}
		if (one != STATUS_OK)
			status = one;
	}
	return status;
}

static int find_ld_stable(struct enable *enable)
{
	struct matr_error err = {0};

	umask(022);
	if (enable->options.ld_stable)
		return STATUS_OK;
	if (program_ld_stable(enable->ld_stable, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	enable->options.ld_stable = enable->ld_stable;
	return STATUS_OK;
}

int enable_refresh(const char *prefix)
{
	struct enable enable = {.options = {.prefix = prefix}, .refresh = true, .quiet = true};

	if (access("/lib64/" MATR_LOADER_ENABLED, F_OK) != 0)
		return STATUS_OK;
	return find_ld_stable(&enable) == STATUS_OK ? each_listed(&enable) : STATUS_FAILURE;
}

/* The last program that named it is disabled: matr-ld.so goes, unless the loader path leads to
 * it. */
static void clean_up(void)
{
	struct matr_loader_status status;

	if (access("/lib64/" MATR_LOADER_ENABLED, F_OK) != 0 &&
	    matr_loader_status(NULL, &status, NULL) == 0 && status.state == MATR_LOADER_REAL)
		matr_loader_uninstall(NULL, NULL);
}

static int run(struct enable *enable, bool disable, int argc, char **argv)
{
	if (enable->list)
		return show_list(enable->format);
	if (!disable && find_ld_stable(enable) != STATUS_OK)
		return STATUS_FAILURE;
	int status = enable->refresh || enable->all ? each_listed(enable)
						    : each_named(enable, disable, argv, argc);
	if (disable)
		clean_up();
	return status;
}

int command_enable(const struct context *context, int argc, char **argv)
{
	struct enable enable = {.options = {.prefix = context->prefix}};
	const struct option_row rows[] = {
		{"list", .flag = &enable.list,
		 .help = "the enabled programs; those that a package has since replaced, too"},
		{"refresh", .flag = &enable.refresh,
		 .help = "enable these again, and forget those that are gone (the hooks do it)"},
		{"ld-stable", .text = &enable.options.ld_stable, .argument = "FILE",
		 .help = "the loader to install (else the one beside matr)",
		 .completes = COMPLETES_FILE},
		{"format", .format = &enable.format,
		 .help = "of --list: table (default), json, jsonl or csv"},
		{"quiet", 'q', .flag = &enable.quiet, .help = "say nothing where all went well"},
		option_prefix(&enable.options.prefix),
		{0},
	};
	const struct options options = {.command = "enable",
					.help = enable_help,
					.after = enable_after,
					.arguments = {COMPLETES_EXECUTABLE},
					.rows = rows};
	int status;

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	bool no_names = enable.list || enable.refresh;
	if (no_names != (at == argc))
		return usage_error_because(
			"enable", no_names ? "unexpected argument" : "which programs?", argv[at]);
	return run(&enable, false, argc - at, argv + at);
}

int command_disable(const struct context *context, int argc, char **argv)
{
	struct enable enable = {.options = {.prefix = context->prefix}};
	const struct option_row rows[] = {
		{"all", .flag = &enable.all, .help = "of all enabled programs"},
		{"quiet", 'q', .flag = &enable.quiet, .help = "say nothing where all went well"},
		{0},
	};
	const struct options options = {.command = "disable",
					.help = disable_help,
					.after = disable_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};
	int status;

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (enable.all != (at == argc))
		return usage_error_because("disable",
					   enable.all ? "unexpected argument" : "which programs?",
					   argv[at]);
	return run(&enable, true, argc - at, argv + at);
}
