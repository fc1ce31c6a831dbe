/* loader.c - matr loader: ld-stable in the place of the system's dynamic linker. */
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "matr/namespace/root.h"
#include "matr/system/commands.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/loader.h>

static const char help[] =
	"usage: matr loader install [--ld-stable FILE]\n"
	"       matr loader uninstall\n"
	"       matr loader refresh [--ld-stable FILE]\n"
	"       matr loader status [--format table|json]\n"
	"\n"
	"The kernel starts every dynamic program by its interpreter, " MATR_SYSTEM_LOADER ".\n"
	"install   makes ld-stable that interpreter, after a self-test with programs of this\n"
	"          system; from then on all programs start from their mapping where there is one,\n"
	"          and the ordinary way where there is none\n"
	"uninstall puts back what was there, exactly\n"
	"refresh   installs again where it was installed and a package has since put its own\n"
	"          dynamic linker back, or where matr-ld.so is out of date; else does nothing\n"
	"status    says what is there\n"
	"\n"
	"All can be repeated, and interrupted at any point. Should programs not start any more,\n"
	"matr-rescue(8), which needs no dynamic linker, puts the real one back.\n";

static const char help_after[] =
	"Exit status: 0 success (status: all is well); 1 failure, and nothing has changed "
	"(status:\n"
	"something is not as it should be); 2 usage.\n"
	"\n"
	"  matr epoch begin && matr loader install\n"
	"  matr loader status\n"
	"  matr epoch begin --root /srv/image && matr loader install --root /srv/image\n";

struct loader_command {
	struct matr_loader_options options;
	const char *root;
	enum output_format format;
	bool quiet;
};

static int fail(const struct matr_error *err)
{
	print_error(err);
	return STATUS_FAILURE;
}

static int enter_root(struct loader_command *command, char copied[PATH_MAX], struct matr_error *err)
{
	if (root_enter(command->root, command->options.ld_stable, copied, err) != 0)
		return -1;
	command->options.ld_stable = copied;
	return 0;
}

static int install(struct loader_command *command)
{
	char ld_stable[PATH_MAX], copied[PATH_MAX];
	struct matr_error err = {0};
	struct matr_loader_status status;

	if (!command->options.ld_stable) {
		if (program_ld_stable(ld_stable, &err) != 0)
			return fail(&err);
		command->options.ld_stable = ld_stable;
	}
	if (command->root && enter_root(command, copied, &err) != 0)
		return fail(&err);
	umask(022); /* processes of all users read it */
	int result = matr_loader_install(&command->options, &err);
	if (command->root)
		unlink(copied);
	if (result < 0)
		return fail(&err);
	if (command->quiet || matr_loader_status(command->options.path, &status, NULL) != 0)
		return STATUS_OK;
	if (status.state == MATR_LOADER_INSTALLED)
		safe_printf("%s: %s, prefix %s\n", status.path,
			    result == MATR_LOADER_CHANGED ? "ld-stable is installed"
							  : "ld-stable was installed already",
			    status.prefix);
	else
		safe_printf("%s: ld-stable is not installed, and is not wanted\n", status.path);
	return STATUS_OK;
}

static int uninstall(const struct loader_command *command)
{
	struct matr_error err = {0};

	int result = matr_loader_uninstall(command->options.path, &err);
	if (result < 0)
		return fail(&err);
	if (!command->quiet)
		safe_printf("%s: %s\n", command->options.path,
			    result == MATR_LOADER_CHANGED ? "the real dynamic linker is back"
							  : "ld-stable was not installed");
	return STATUS_OK;
}

static const char *state_name(enum matr_loader_state state)
{
	switch (state) {
	case MATR_LOADER_REAL:
		return "real";
	case MATR_LOADER_INSTALLED:
		return "installed";
	case MATR_LOADER_DISPLACED:
		return "displaced";
	default:
		return "broken";
	}
}

static const char *state_text(enum matr_loader_state state)
{
	switch (state) {
	case MATR_LOADER_REAL:
		return "the real dynamic linker";
	case MATR_LOADER_INSTALLED:
		return "ld-stable";
	case MATR_LOADER_DISPLACED:
		return "the real dynamic linker, in the place of ld-stable (`matr loader refresh`)";
	default:
		return "broken (`matr loader uninstall`, or matr-rescue)";
	}
}

static int status_json(const struct matr_loader_status *status, struct matr_error *err)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return matr_fail_memory(err);
	json_object_object_add(object, "path", json_object_new_string(status->path));
	json_object_object_add(object, "state", json_object_new_string(state_name(status->state)));
	json_object_object_add(object, "real", json_object_new_string(status->real));
	json_object_object_add(object, "interpreter", json_object_new_string(status->interpreter));
	json_object_object_add(object, "prefix", json_object_new_string(status->prefix));
	json_object_object_add(object, "original_kept",
			       json_object_new_boolean(status->has_original));
	json_object_object_add(object, "carries_real",
			       json_object_new_boolean(status->carries_real));
	json_object_object_add(object, "image_format_matches",
			       json_object_new_boolean(status->image_format_matches));
	json_object_object_add(object, "unserved",
			       *status->unserved ? json_object_new_string(status->unserved) : NULL);
	json_object_object_add(object, "problem",
			       *status->problem ? json_object_new_string(status->problem) : NULL);
	return output_json(object, err);
}

static void status_table(const struct matr_loader_status *status)
{
	safe_printf("loader path   %s\n", status->path);
	safe_printf("state         %s\n", state_text(status->state));
	safe_printf("real ld.so    %s\n", *status->real ? status->real : "not found");
	if (*status->interpreter) {
		safe_printf("ld-stable     %s\n", status->interpreter);
		safe_printf("prefix        %s\n", status->prefix);
		if (!status->carries_real)
			printf("note          the real ld.so is another than the one ld-stable "
			       "carries; refresh makes starts faster\n");
		if (!status->image_format_matches)
			printf("note          it is of another version of MatR, programs start "
			       "plainly; refresh\n");
		if (*status->unserved)
			safe_printf("note          ld.so's calls cannot be served: %s\n",
				    status->unserved);
	}
	if (*status->problem)
		safe_printf("problem       %s\n", status->problem);
}

static int show_status(const struct loader_command *command)
{
	struct matr_loader_status status;
	struct matr_error err = {0};

	if (matr_loader_status(command->options.path, &status, &err) != 0)
		return fail(&err);
	int result = 0;
	if (command->format == FORMAT_JSON) {
		result = status_json(&status, &err);
	} else {
		status_table(&status);
		result = output_flush(&err);
	}
	if (result != 0)
		return fail(&err);
	bool well = !*status.problem &&
		    (status.state == MATR_LOADER_REAL ||
		     (status.state == MATR_LOADER_INSTALLED && status.image_format_matches));
	return well ? STATUS_OK : STATUS_FAILURE;
}

/* Every command of the group takes all options. false: it ends here, with *status. */
static bool parse(struct loader_command *out, const struct context *context, int argc, char **argv,
		  int *status)
{
	const struct option_row rows[] = {
		{"ld-stable", .text = &out->options.ld_stable, .argument = "FILE",
		 .help = "the loader to install (else the one beside matr)",
		 .completes = COMPLETES_FILE},
		{"loader", .text = &out->options.path, .argument = "PATH",
		 .help = "the loader path (else " MATR_SYSTEM_LOADER ")",
		 .completes = COMPLETES_FILE},
		{"root", .text = &out->root, .argument = "DIR",
		 .help = "of the system in DIR, which is not running; all other paths are in it",
		 .completes = COMPLETES_DIRECTORY},
		{"format", .document = &out->format, .help = "of status: table (default) or json"},
		{"quiet", 'q', .flag = &out->quiet, .help = "say nothing where all went well"},
		option_prefix(&out->options.prefix),
		{0},
	};
	const struct options options = {.command = "loader",
					.help = help,
					.after = help_after,
					.rows = rows,
					.no_arguments = true};

	*out = (struct loader_command){
		.options = {.path = MATR_SYSTEM_LOADER, .prefix = context->prefix},
	};
	return options_parse(&options, argc, argv, status) >= 0;
}

static int run_install(const struct context *context, int argc, char **argv)
{
	struct loader_command command;
	int status;

	return parse(&command, context, argc, argv, &status) ? install(&command) : status;
}

static int run_refresh(const struct context *context, int argc, char **argv)
{
	struct loader_command command;
	int status;

	if (!parse(&command, context, argc, argv, &status))
		return status;
	command.options.refresh = true;
	return install(&command);
}

/* Take no loader along. */
static int in_root(const struct loader_command *command,
		   int (*run)(const struct loader_command *command))
{
	struct matr_error err = {0};

	if (command->root && root_enter(command->root, NULL, NULL, &err) != 0)
		return fail(&err);
	return run(command);
}

static int run_uninstall(const struct context *context, int argc, char **argv)
{
	struct loader_command command;
	int status;

	return parse(&command, context, argc, argv, &status) ? in_root(&command, uninstall)
							     : status;
}

static int run_status(const struct context *context, int argc, char **argv)
{
	struct loader_command command;
	int status;

	return parse(&command, context, argc, argv, &status) ? in_root(&command, show_status)
							     : status;
}

int command_loader(const struct context *context, int argc, char **argv)
{
	static const struct command commands[] = {
		{"install", run_install, .help = "put ld-stable in the place of ld.so"},
		{"uninstall", run_uninstall, .help = "put the real one back"},
		{"refresh", run_refresh, .help = "install again after an upgrade of glibc"},
		{"status", run_status, .paged = true, .help = "which of them is there"},
	};
	static const struct command_group group = {
		.name = "loader",
		.question = "install, uninstall, refresh or status?",
		.commands = commands,
		.n = sizeof commands / sizeof *commands,
	};

	return command_dispatch(&group, context, argc, argv);
}
