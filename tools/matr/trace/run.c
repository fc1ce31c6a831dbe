/* trace_run.c - running the program of a `matr trace`, and waiting for its end.
 */
#include "matr/command.h"
#include "matr/namespace/namespace.h"
#include "matr/trace/trace.h"

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

/* What is not for us: the terminal's signals are for the program. What was ignored (nohup) stays so. */
static const int handled[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
enum { N_HANDLED = sizeof handled / sizeof *handled };

static void handle_signals(struct sigaction before[N_HANDLED])
{
	for (size_t i = 0; i < N_HANDLED; i++) {
		bool terminal = handled[i] == SIGINT || handled[i] == SIGQUIT;
		struct sigaction action = {.sa_handler = terminal ? SIG_IGN : pass_on};
		sigaction(handled[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(handled[i], &action, NULL);
	}
}

static _Noreturn void run_child(const struct trace_run *run, char **argv,
				const struct sigaction before[N_HANDLED])
{
	struct matr_error err = {0};

	for (size_t i = 0; i < N_HANDLED; i++)
		sigaction(handled[i], &before[i], NULL);
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
	struct sigaction before[N_HANDLED];
	int status = 0;
	double start = seconds();
	uint64_t first = ticks();

	handle_signals(before);
	fflush(NULL);
	child = fork();
	if (child < 0)
		return matr_fail_errno(err, run->path, "cannot fork");
	if (child == 0)
		run_child(run, argv, before);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	child = 0;
	*rate = (double)(ticks() - first) / ((seconds() - start) * 1e9);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
