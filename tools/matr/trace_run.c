/* trace_run.c - running the program of a `matr trace`, and waiting for its end.
 */
#include "command.h"
#include "namespace.h"
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void pass_on(int number)
{
	if (child > 0)
		kill(child, number);
}

static _Noreturn void run_child(const struct trace_run *run, char **argv)
{
	struct matr_error err = {0};

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (namespace_enter(run->prefix, run->interpreter, &err) != PLACED) {
		print_error(&err);
		_exit(STATUS_RUN);
	}
	execv(run->path, argv);
	int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	matr_fail_errno(&err, run->path, "cannot be executed");
	print_error(&err);
	_exit(status);
}

static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static double seconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The exit status; *rate: ticks per nanosecond. */
int trace_execute(const struct trace_run *run, char **argv, double *rate, struct matr_error *err)
{
	int status = 0;
	double start = seconds();
	uint64_t first = ticks();

	signal(SIGINT, SIG_IGN); /* the terminal's are for the program */
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTERM, pass_on);
	signal(SIGHUP, pass_on);
	fflush(NULL);
	child = fork();
	if (child < 0)
		return matr_fail_errno(err, run->path, "cannot fork");
	if (child == 0)
		run_child(run, argv);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	child = 0;
	*rate = (double)(ticks() - first) / ((seconds() - start) * 1e9);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
