/* command_loader.c - matr loader: ld-stable in the place of the system's dynamic linker. */
#include "common/output.h"
#include "common/program.h"
#include "matr/command.h"
#include "matr/namespace/root.h"

#include <getopt.h>
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
	"matr-rescue(8), which needs no dynamic linker, puts the real one back.\n"
	"\n"
	"  --ld-stable FILE  the loader to install (else the one beside matr)\n"
	"  --root DIR        of the system in DIR, which is not running; all other paths are in "
	"it\n"
	"  --loader PATH     the loader path (else " MATR_SYSTEM_LOADER ")\n"
	"  --format FORMAT   of status: table (default) or json\n"
	"  -q, --quiet       say nothing where all went well\n"
	"  -h, --help        this text\n"
	"\n"
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

static int enter_root(struct loader_command *command, char taken_along[PATH_MAX],
		      struct matr_error *err)
{
	if (root_enter(command->root, command->options.ld_stable, taken_along, err) != 0)
		return -1;
	command->options.ld_stable = taken_along;
	return 0;
}

static int install(struct loader_command *command)
{
	char ld_stable[PATH_MAX], taken_along[PATH_MAX];
	struct matr_error err = {0};
	struct matr_loader_status status;

	if (!command->options.ld_stable) {
		if (program_ld_stable(ld_stable, &err) != 0)
			return fail(&err);
		command->options.ld_stable = ld_stable;
	}
	if (command->root && enter_root(command, taken_along, &err) != 0)
		return fail(&err);
	umask(022); /* everybody's processes read it */
	int result = matr_loader_take(&command->options, &err);
	if (command->root)
		unlink(taken_along);
	if (result < 0)
		return fail(&err);
	if (command->quiet || matr_loader_status(command->options.path, &status, NULL) != 0)
		return STATUS_OK;
	if (status.state == MATR_LOADER_INSTALLED)
		printf("%s: %s, prefix %s\n", status.path,
		       result == MATR_LOADER_CHANGED ? "ld-stable is installed"
						     : "ld-stable was installed already",
		       status.prefix);
	else
		printf("%s: ld-stable is not installed, and is not wanted\n", status.path);
	return STATUS_OK;
}

static int uninstall(const struct loader_command *command)
{
	struct matr_error err = {0};

	int result = matr_loader_restore(command->options.path, &err);
	if (result < 0)
		return fail(&err);
	if (!command->quiet)
		printf("%s: %s\n", command->options.path,
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
	json_object_object_add(object, "problem",
			       *status->problem ? json_object_new_string(status->problem) : NULL);
	return output_json(object, err);
}

static void status_table(const struct matr_loader_status *status)
{
	printf("loader path   %s\n", status->path);
	printf("state         %s\n", state_text(status->state));
	printf("real ld.so    %s\n", *status->real ? status->real : "not found");
	if (*status->interpreter) {
		printf("ld-stable     %s\n", status->interpreter);
		printf("prefix        %s\n", status->prefix);
		if (!status->carries_real)
			printf("note          the real ld.so is another than the one ld-stable "
			       "carries; refresh makes starts faster\n");
		if (!status->image_format_matches)
			printf("note          it is of another version of MatR, programs start "
			       "plainly; refresh\n");
	}
	if (*status->problem)
		printf("problem       %s\n", status->problem);
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

int command_loader(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"ld-stable", required_argument, NULL, 'l'},
		{"loader", required_argument, NULL, 'L'},
		{"root", required_argument, NULL, 'R'},
		{"format", required_argument, NULL, 'f'},
		{"quiet", no_argument, NULL, 'q'},
		{"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct loader_command command = {
		.options = {.path = MATR_SYSTEM_LOADER, .prefix = context->prefix},
	};
	const char *verb = argc > 1 ? argv[1] : "";
	struct matr_error err = {0};
	int option;

	if (argc > 1) {
		argv[1] = argv[0]; /* with which getopt begins its complaints */
		argc--;
		argv++;
	}
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	while ((option = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			command.options.ld_stable = optarg;
			break;
		case 'L':
			command.options.path = optarg;
			break;
		case 'R':
			command.root = optarg;
			break;
		case 'f':
			if (!output_format_parse(optarg, &command.format) ||
			    command.format == FORMAT_CSV)
				return usage_error_because("loader", "no such format", optarg);
			break;
		case 'q':
			command.quiet = true;
			break;
		case 'p':
			command.options.prefix = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return usage_error("loader");
		}
	}
	if (optind < argc)
		return usage_error_because("loader", "unexpected argument", argv[optind]);
	if (strcmp(verb, "install") == 0)
		return install(&command);
	if (strcmp(verb, "refresh") == 0) {
		command.options.refresh = true;
		return install(&command);
	}
	if (command.root && root_enter(command.root, NULL, NULL, &err) != 0)
		return fail(&err);
	if (strcmp(verb, "uninstall") == 0)
		return uninstall(&command);
	if (strcmp(verb, "status") == 0)
		return show_status(&command);
	return usage_error_because("loader", "install, uninstall, refresh or status?",
				   *verb ? verb : NULL);
}
