/* command_epoch_wrap.c - matr epoch suspend, resume and wrap: management time for as long as packages are changed.
 *
 * suspend and resume are what package managers' hooks call (tools/hooks); wrap is both around a command.
 */
#include "common/program.h"
#include "matr/command.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
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
	"the epoch is said on standard error and does not keep the command from running.\n"
	"\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: the command's; 125 wrong usage; 126 it cannot be executed; 127 not found.\n"
	"\n"
	"  matr epoch wrap -- make install\n";

static const char suspend_help[] =
	"usage: matr epoch suspend [--by NAME]\n"
	"       matr epoch resume\n"
	"\n"
	"For hooks: suspend ends the epoch that is in force, if any, and notes that it is to "
	"begin\n"
	"again. resume begins a suspended epoch, with the programs it had (the whole system's, if\n"
	"none were named), and puts ld-stable back in the loader's place where a package has\n"
	"displaced it; where no epoch is suspended, it begins none. `epoch begin` and `epoch end`\n"
	"end a suspension.\n"
	"\n"
	"  --by NAME   who does it, for `matr doctor`\n"
	"  -h, --help  this text\n"
	"\n"
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

/* `matr epoch begin` as it would be called. */
static int begin_again(const struct context *context)
{
	char **programs, **arguments;
	size_t n;
	struct matr_error err = {0};
	static char matr[] = "matr", epoch[] = "begin", quiet[] = "--quiet", wait[] = "--wait",
		    end[] = "--";

	if (matr_epoch_programs(context->prefix, &programs, &n, &err) != 0)
		return fail(&err);
	arguments = calloc(n + 6, sizeof *arguments);
	if (!arguments) {
		matr_epoch_programs_free(programs);
		matr_fail_memory(&err);
		return fail(&err);
	}
	size_t count = 0;
	arguments[count++] = matr;
	arguments[count++] = epoch;
	arguments[count++] = quiet;
	arguments[count++] = wait;
	arguments[count++] = end;
	for (size_t i = 0; i < n; i++)
		arguments[count++] = programs[i];
	optind = 0;
	int status = command_epoch(context, (int)count, arguments);
	free(arguments);
	matr_epoch_programs_free(programs);
	return status == STATUS_DECLINED ? STATUS_OK : status;
}

static int refresh_loader(const struct context *context)
{
	struct matr_loader_status status;
	struct matr_loader_options options = {.prefix = context->prefix, .refresh = true};
	char ld_stable[PATH_MAX];
	struct matr_error err = {0};

	if (geteuid() != 0 || matr_loader_status(NULL, &status, NULL) != 0 ||
	    !status.has_original || strcmp(status.prefix, context->prefix) != 0)
		return STATUS_OK; /* not wanted, or another prefix's */
	if (program_ld_stable(ld_stable, &err) != 0)
		return fail(&err);
	options.ld_stable = ld_stable;
	return matr_loader_take(&options, &err) < 0 ? fail(&err) : STATUS_OK;
}

static int resume(const struct context *context)
{
	char by[256];
	struct matr_error err = {0};

	int loader = refresh_loader(context);
	if (geteuid() == 0 && enable_refresh(context) != STATUS_OK)
		loader = STATUS_FAILURE;
	int suspended = matr_epoch_suspended(context->prefix, by, &err);
	if (suspended < 0)
		return fail(&err);
	int status = suspended ? begin_again(context) : STATUS_OK;
	return status != STATUS_OK ? status : loader;
}

/* ---- wrap ---- */

/* Run it as the shell would; the terminal's signals are for it. */
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

static int wrap(const struct context *context, char **command)
{
	bool nested = getenv("MATR_WRAP") != NULL;

	suspend(context->prefix, command[0]);
	int status = run(command);
	if (!nested)
		resume(context);
	return status;
}

int command_epoch_wrap(const struct context *context, int argc, char **argv, const char *verb)
{
	static const struct option options[] = {
		{"by", required_argument, NULL, 'b'},
		{"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct context ours = *context;
	bool is_wrap = strcmp(verb, "wrap") == 0;
	const char *by = "matr epoch suspend";
	int option;

	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			by = optarg;
			break;
		case 'p':
			ours.prefix = optarg;
			break;
		case 'h':
			fputs(is_wrap ? wrap_help : suspend_help, stdout);
			return STATUS_OK;
		default:
			usage_error("epoch wrap");
			return is_wrap ? STATUS_RUN : STATUS_USAGE;
		}
	}
	if (is_wrap && optind == argc) {
		usage_error_because("epoch wrap", "which command?", NULL);
		return STATUS_RUN;
	}
	if (is_wrap)
		return wrap(&ours, argv + optind);
	if (optind < argc)
		return usage_error_because("epoch suspend", "unexpected argument", argv[optind]);
	return strcmp(verb, "suspend") == 0 ? suspend(ours.prefix, by) : resume(&ours);
}
