/* run.c - matr run: a program with its mapping, its file untouched.
 *
 * Whatever stands in the way, the program is started: with the mapping where that is possible, else
 * as it would have started without matr.
 */
#include "common/options.h"
#include "common/program.h"
#include "common/safe.h"
#include "matr/namespace/namespace.h"
#include "matr/run/commands.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/object.h>
#include <matr/prefix.h>

static const char help[] =
	"usage: matr run [-v] PROGRAM [ARG]...\n"
	"\n"
	"Run a program with its relocation mapping. It and its children run in a private mount\n"
	"namespace in which ld-stable is the loader; no file is changed. Where no namespace is to "
	"be\n"
	"had, it is started by name, as an argument of ld-stable, and its children are not "
	"mapped.\n"
	"Where there is no epoch, it starts the ordinary way. -v says so, and why.\n";

static const char help_after[] =
	"LD_STABLE_DEBUG=1 in the environment makes ld-stable say what it did in each process.\n"
	"\n"
	"Exit status: the program's; 125 matr itself failed; 126 the program was found but cannot\n"
	"be executed; 127 it was not found.\n"
	"\n"
	"  matr run clang --version\n"
	"  LD_STABLE_DEBUG=1 matr run python3 -c 'print(1)'\n";

static int cannot_execute(const char *program)
{
	int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	struct matr_error err;

	matr_fail_errno(&err, program, "cannot be executed");
	print_error(&err);
	return status;
}

/* A user namespace takes away what a set-user-ID program is about. */
static bool changes_identity(const char *path)
{
	struct stat status;
	return geteuid() != 0 && stat(path, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID));
}

/* ld-stable PROGRAM ARG..., as one would call ld.so itself. */
static int run_by_name(const struct context *context, const char *path, int argc, char **argv)
{
	char loader[PATH_MAX];
	char **arguments = calloc((size_t)argc + 2, sizeof *arguments);

	if (!arguments || snprintf(loader, sizeof loader, "%s/" MATR_LD_STABLE_FILE,
				   context->prefix) >= (int)sizeof loader) {
		free(arguments);
		return -1;
	}
	arguments[0] = loader;
	arguments[1] = (char *)path;
	memcpy(arguments + 2, argv + 1, (size_t)argc * sizeof *argv);
	execv(loader, arguments);
	free(arguments);
	return -1;
}

/* Find out why the epoch has no mapping of the program. Returns false with *err filled in. */
static bool is_mapped(const struct context *context, const char *path, struct matr_error *err)
{
	struct matr_store_epoch epoch;
	struct matr_store *store;
	char canonical[PATH_MAX];
	int64_t application;

	if (!realpath(path, canonical))
		return matr_fail_errno(err, path, "has no canonical path") == 0;
	if (matr_store_open(context->prefix, &store, err) != 0)
		return false;
	int found = matr_epoch_current(context->prefix, store, &epoch, err);
	if (found == 0)
		found = matr_store_find(store, epoch.id, canonical, &application, err);
	matr_store_close(store);
	return found == 0;
}

static void explain(const char *program, const struct matr_error *err)
{
	print_error(err);
	print_warning("%s starts without its mapping", program);
}

/* As ld-stable says it of the starts that it sees. */
static void explain_to_debugger(const struct matr_error *err)
{
	const char *debug = getenv("LD_STABLE_DEBUG");

	if (debug && (strcmp(debug, "1") == 0 || strcmp(debug, "plain") == 0))
		safe_fprintf(stderr, "ld-stable: plain start: %s%s%s\n", err->file,
			     err->file[0] ? ": " : "", err->message);
}

static bool is_elf(const char *path)
{
	char magic[SELFMAG];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool found = fd >= 0 && read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
		     memcmp(magic, ELFMAG, sizeof magic) == 0;

	if (fd >= 0)
		close(fd);
	return found;
}

/* Print why the program has no mapping. If it has one, or is a script, have ld-stable print why it
 * does not use it: for this program alone, unless the user has asked for all. */
static void look_into(const struct context *context, const char *path, bool dynamic)
{
	struct matr_error err;

	if (dynamic ? is_mapped(context, path, &err) : !is_elf(path)) {
		setenv("LD_STABLE_DEBUG", "plain", 0); /* no memory: then nothing is printed */
		return;
	}
	if (!dynamic)
		matr_fail(&err, MATR_ERROR_UNSUPPORTED, path, "is not dynamically linked");
	explain(path, &err);
}

int command_run(const struct context *context, int argc, char **argv)
{
	struct context ours = *context;
	struct matr_error err = {0};
	char path[PATH_MAX], interpreter[PATH_MAX] = "";
	int status;
	const struct option_row rows[] = {
		option_prefix(&ours.prefix),
		{"verbose", 'v', .flag = &ours.verbose,
		 .help = "say on standard error why the program starts without its mapping, if it "
			 "does"},
		{0},
	};
	const struct options options = {.command = "run",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_COMMAND},
					.rows = rows,
					.stop_early = true,
					.usage_status = STATUS_RUN};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	argc -= at;
	argv += at;
	if (argc == 0) {
		usage_error_because("run", "which program?", NULL);
		return STATUS_RUN;
	}
	if (program_find(argv[0], path, &err) != 0) {
		print_error(&err);
		return STATUS_NOT_FOUND;
	}
	if (changes_identity(path)) {
		matr_fail(&err, MATR_ERROR_UNSUPPORTED, path, "is set-user-ID or set-group-ID");
	} else {
		bool dynamic = matr_program_interpreter(path, interpreter, NULL) > 0;
		enum placement placement = namespace_enter(ours.prefix, interpreter, &err);
		if (placement == PLACED) /* at the second try, as a user: the first has left its */
			err.code = MATR_OK;
		if (ours.verbose && placement != NOT_PLACED)
			look_into(&ours, path, dynamic);
		if (placement == NO_NAMESPACE && dynamic) {
			if (ours.verbose) {
				print_error(&err);
				print_warning("%s is started by name, as an argument of ld-stable",
					      argv[0]);
			}
			run_by_name(&ours, path, argc, argv);
		}
	}
	if (ours.verbose && err.code)
		explain(argv[0], &err);
	else if (err.code)
		explain_to_debugger(&err);
	/* execvp: what is no ELF file and has no #! goes to the shell, as from env(1). */
	execvp(argv[0], argv);
	return cannot_execute(argv[0]);
}
