/* wrap.c - matr epoch suspend, resume and wrap: management time while packages are changed.
 *
 * suspend and resume are what package managers' hooks call (tools/hooks); wrap is both around a
 * command.
 */
#include "common/cause.h"
#include "common/options.h"
#include "common/program.h"
#include "matr/epoch/begin.h"
#include "matr/epoch/epoch.h"
#include "matr/system/enable.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/loader.h>

static const char wrap_help[] =
	"usage: matr epoch wrap [--] COMMAND [ARG]...\n"
	"\n"
	"End the epoch, run the command, and begin the epoch again: for whatever changes "
	"installed\n"
	"files. Where no epoch is in force, the command is all that happens. What goes wrong with\n"
	"the epoch is said on standard error and does not keep the command from running.\n";

static const char wrap_help_after[] =
	"Exit status: the command's; 125 wrong usage; 126 it cannot be executed; 127 not found.\n"
	"\n"
	"  matr epoch wrap -- make install\n";

static const char suspend_help[] =
	"usage: matr epoch suspend [--by NAME]\n"
	"       matr epoch resume [--by NAME]\n"
	"\n"
	"For hooks: suspend ends the epoch that is in force, if any, and notes that it is to "
	"begin\n"
	"again. resume begins a suspended epoch, with the programs it had (the whole system's, if\n"
	"none were named), and puts ld-stable back in the loader's place where a package has\n"
	"displaced it; where no epoch is suspended, it begins none. `epoch begin` and `epoch end`\n"
	"end a suspension.\n";

static const char suspend_help_after[] =
	"Exit status: 0 success, also where there was nothing to do; 1 failure; 2 usage.\n"
	"\n"
	"  matr epoch suspend --by dpkg && dpkg -i some.deb; matr epoch resume\n";

static int fail(const struct matr_error *err)
{
	print_error(err);
	return STATUS_FAILURE;
}

static int suspend(const char *prefix, const char *by)
{
	struct matr_error err = {0};
	return matr_epoch_suspend(prefix, by, &err) < 0 ? fail(&err) : STATUS_OK;
}

/* Begin with the programs that the epoch had. */
static int begin_again(const char *prefix, const char *cause)
{
	struct begin_request request = {.cause = cause, .wait = true, .quiet = true};
	struct matr_error err = {0};
	char **programs;

	if (matr_epoch_programs(prefix, &programs, &request.n_programs, &err) != 0)
		return fail(&err);
	request.programs = (const char *const *)programs;
	request.only = request.n_programs != 0;
	int status = epoch_begin(prefix, &request);
	matr_epoch_programs_free(programs);
	return status == STATUS_DECLINED ? STATUS_OK : status;
}

static int refresh_loader(const char *prefix)
{
	struct matr_loader_status status;
	struct matr_loader_options options = {.prefix = prefix, .refresh = true};
	char ld_stable[PATH_MAX];
	struct matr_error err = {0};

	if (geteuid() != 0 || matr_loader_status(NULL, &status, NULL) != 0 ||
	    !status.has_original || strcmp(status.prefix, prefix) != 0)
		return STATUS_OK; /* not wanted, or another prefix's */
	if (program_ld_stable(ld_stable, &err) != 0)
		return fail(&err);
	options.ld_stable = ld_stable;
	return matr_loader_install(&options, &err) < 0 ? fail(&err) : STATUS_OK;
}

static int resume(const char *prefix, const char *cause)
{
	char by[256];
	struct matr_error err = {0};

	int loader = refresh_loader(prefix);
	if (geteuid() == 0 && enable_refresh(prefix) != STATUS_OK)
		loader = STATUS_FAILURE;
	int suspended = matr_epoch_suspended(prefix, by, &err);
	if (suspended < 0)
		return fail(&err);
	int status = suspended ? begin_again(prefix, cause) : STATUS_OK;
	return status != STATUS_OK ? status : loader;
}

/* ---- wrap ---- */

/* Run the command as the shell would; it gets the terminal's signals. */
static int run(char **command)
{
	int status;

	pid_t pid = fork();
	if (pid < 0) {
		print_warning("%s: %s", command[0], strerror(errno));
		return STATUS_RUN;
	}
	if (pid == 0) {
		/* Hooks of what it calls need not resume: that is wrap's business. */
		setenv("MATR_WRAP", "1", 1);
		execvp(command[0], command);
		int reason = errno;
		print_warning("%s: %s", command[0], strerror(reason));
		_exit(reason == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
	}
	struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int wrap(const char *prefix, char **command)
{
	bool nested = getenv("MATR_WRAP") != NULL;
	char cause[MATR_STORE_CAUSE_MAX], path[PATH_MAX];
	struct matr_error err;

	if (program_find(command[0], path, &err) != 0) { /* the epoch goes on as it is */
		print_error(&err);
		return STATUS_NOT_FOUND;
	}
	suspend(prefix, command[0]);
	int status = run(command);
	if (!nested) {
		cause_wrap(command, cause);
		resume(prefix, cause);
	}
	return status;
}

int command_epoch_wrap(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix;
	const struct option_row rows[] = {
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "epoch wrap",
					.help = wrap_help,
					.after = wrap_help_after,
					.arguments = {COMPLETES_COMMAND},
					.rows = rows,
					.stop_early = true,
					.usage_status = STATUS_RUN};
	int status;

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (at == argc) {
		usage_error_because("epoch wrap", "which command?", NULL);
		return STATUS_RUN;
	}
	return wrap(prefix, argv + at);
}

/* suspend and resume take options only. Returns whether to go on. */
static bool take_options(const char *command, const struct option_row *rows, int argc, char **argv,
			 int *status)
{
	const struct options options = {.command = command,
					.help = suspend_help,
					.after = suspend_help_after,
					.rows = rows,
					.no_arguments = true};

	return options_parse(&options, argc, argv, status) >= 0;
}

int command_epoch_suspend(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *by = "matr epoch suspend";
	const struct option_row rows[] = {
		{"by", .text = &by, .argument = "NAME",
		 .help = "who does it: shown by `matr doctor`; resume records the command line of "
			 "the package manager that has called it as the cause of the epoch"},
		option_prefix(&prefix),
		{0},
	};
	int status;

	return take_options("epoch suspend", rows, argc, argv, &status) ? suspend(prefix, by)
									: status;
}

int command_epoch_resume(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *by = NULL;
	char cause[MATR_STORE_CAUSE_MAX];
	const struct option_row rows[] = {
		{"by", .text = &by, .argument = "NAME",
		 .help = "who does it: shown by `matr doctor`; resume records the command line of "
			 "the package manager that has called it as the cause of the epoch"},
		option_prefix(&prefix),
		{0},
	};
	int status;

	if (!take_options("epoch resume", rows, argc, argv, &status))
		return status;
	if (by)
		cause_hook(by, cause);
	else
		cause_user(cause);
	return resume(prefix, cause);
}
