/* run.c - running the program of a `matr trace`, and waiting for its end. */
#include "common/message.h"
#include "matr/namespace/namespace.h"
#include "matr/trace/trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The terminal's signals are for the program; the others are passed on to it. */
static const int for_the_program[] = {SIGINT, SIGQUIT}, passed_on[] = {SIGTERM, SIGHUP};

struct signals {
	sigset_t waited_for, mask_before;
	struct sigaction child_before;
};

/* A signal that is ignored (nohup) stays so. */
static void wait_for(struct signals *signals, int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
		sigaddset(&signals->waited_for, number);
}

/* Block the signals, to take them with sigwaitinfo(). Without SIGCHLD's default action the child
 * has no status. */
static void block_signals(struct signals *signals)
{
	const struct sigaction normal = {.sa_handler = SIG_DFL};

	sigemptyset(&signals->waited_for);
	for (size_t i = 0; i < 2; i++) {
		wait_for(signals, for_the_program[i]);
		wait_for(signals, passed_on[i]);
	}
	sigaction(SIGCHLD, &normal, &signals->child_before);
	sigaddset(&signals->waited_for, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals->waited_for, &signals->mask_before);
}

static _Noreturn void run_child(const struct trace_run *run, char **argv,
				const struct signals *signals)
{
	struct matr_error err = {0};

	sigaction(SIGCHLD, &signals->child_before, NULL);
	sigprocmask(SIG_SETMASK, &signals->mask_before, NULL);
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

/* Wait for the child's end, and pass signals on until then. Returns its wait status. */
static int wait_for_end(const struct signals *signals, pid_t child)
{
	int status = 0;

	for (;;) {
		int number = sigwaitinfo(&signals->waited_for, NULL);
		for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
			if (number == passed_on[i])
				kill(child, number);
		if (number == SIGCHLD && waitpid(child, &status, WNOHANG) == child)
			return status;
	}
}

int trace_execute(const struct trace_run *run, char **argv, double *rate, struct matr_error *err)
{
	struct signals signals;
	double start = seconds();
	uint64_t first = ticks();

	block_signals(&signals);
	fflush(NULL);
	pid_t child = fork();
	if (child < 0)
		return matr_fail_errno(err, run->path, "cannot fork");
	if (child == 0)
		run_child(run, argv, &signals);
	int status = wait_for_end(&signals, child);
	*rate = (double)(ticks() - first) / ((seconds() - start) * 1e9);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
