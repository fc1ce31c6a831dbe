/* worker.c - a process for each of the two mount namespaces. It measures when it is asked, so that
 * the two can take turns. */
#include "matr/bench/worker.h"

#include "common/text.h"
#include "matr/namespace/namespace.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A message is sent and received whole (SOCK_SEQPACKET). */

static bool send_message(int fd, const void *message, size_t size)
{
	ssize_t n;

	while ((n = send(fd, message, size, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	return n == (ssize_t)size;
}

static bool receive_message(int fd, void *message, size_t size)
{
	ssize_t n;

	while ((n = recv(fd, message, size, 0)) < 0 && errno == EINTR)
		;
	return n == (ssize_t)size;
}

/* ---- in the child ---- */

/* Tracer and tracee share a core while the loader is measured, so that no wake-up across cores is.
 * Returns whether that was possible. */
static bool stay_on_one_core(const cpu_set_t *all)
{
	cpu_set_t one;
	int last = CPU_SETSIZE - 1;

	while (last > 0 && !CPU_ISSET((size_t)last, all))
		last--;
	CPU_ZERO(&one);
	CPU_SET((size_t)last, &one);
	return sched_setaffinity(0, sizeof one, &one) == 0;
}

static void hear(char *const *program, struct worker_answer *out)
{
	char heard[4096];
	static const char mark[] = "ld-stable: ";

	if (measure_heard(program, "LD_STABLE_DEBUG", "1", heard, sizeof heard, &out->problem) != 0)
		return;
	const char *line = strstr(heard, mark);
	if (!line)
		return;
	line += sizeof mark - 1;
	size_t length = strcspn(line, "\n");
	if (length >= sizeof out->said)
		length = sizeof out->said - 1;
	memcpy(out->said, line, length);
}

static void answer(char *const *program, enum worker_question question, struct worker_answer *out)
{
	struct matr_error *err = &out->problem;
	cpu_set_t all;

	switch (question) {
	case WORKER_SAID:
		hear(program, out);
		return;
	case WORKER_LOAD: {
		bool pinned = sched_getaffinity(0, sizeof all, &all) == 0 && stay_on_one_core(&all);
		measure_load(program, &out->load, err);
		if (pinned)
			sched_setaffinity(0, sizeof all, &all);
		return;
	}
	case WORKER_WHOLE:
		measure_whole(program, &out->whole, &out->status, err);
		return;
	case WORKER_MEMORY:
		measure_memory(program, &out->memory, err);
		out->status = out->memory.status;
		return;
	case WORKER_ENTRY:
		measure_entry(program, &out->entry, err);
		return;
	}
}

static int serve(const void *context, int fd)
{
	const struct worker_program *program = context;
	struct matr_error problem = {0};
	enum worker_question question;

	/* hear() alone asks for ld-stable's line. */
	unsetenv("LD_STABLE_DEBUG");
	enum placement placement =
		program->prefix ? namespace_enter(program->prefix, program->interpreter, &problem)
				: namespace_enter_plain(program->interpreter, &problem);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a user namespace may have taken it away */
	while (receive_message(fd, &question, sizeof question)) {
		struct worker_answer reply = {0};
		if (placement == PLACED)
			answer(program->arguments, question, &reply);
		else
			reply.problem = problem;
		if (!send_message(fd, &reply, sizeof reply))
			break;
	}
	return 0;
}

/* ---- in the parent ---- */

int worker_fork(int (*work)(const void *context, int fd), const void *context, struct worker *out,
		struct matr_error *err)
{
	int ends[2];
	sigset_t none;

	*out = (struct worker){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return matr_fail_errno(err, NULL, "no socket");
	pid_t parent = getpid(), child = fork();
	if (child == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		close(ends[0]);
		_exit(work(context, ends[1]));
	}
	int reason = errno;
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		errno = reason;
		return matr_fail_errno(err, NULL, "cannot fork");
	}
	setpgid(child, child); /* whichever is first */
	*out = (struct worker){.pid = child, .fd = ends[0]};
	return 0;
}

int worker_start(const struct worker_program *program, struct worker *out, struct matr_error *err)
{
	return worker_fork(serve, program, out, err);
}

int worker_wait(const struct worker *worker, int signals)
{
	struct pollfd wanted[] = {{.fd = signals, .events = POLLIN},
				  {.fd = worker->fd, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (poll(wanted, 2, -1) < 0)
		if (errno != EINTR)
			return 0;
	if ((wanted[0].revents & POLLIN) && read(signals, &info, sizeof info) == sizeof info)
		return (int)info.ssi_signo;
	return 0;
}

int worker_ask(const struct worker *worker, enum worker_question question, int signals,
	       struct worker_answer *out, struct matr_error *err)
{
	if (!send_message(worker->fd, &question, sizeof question))
		return matr_fail(err, MATR_ERROR_SYSTEM, NULL, "a measuring process has ended");
	int number = worker_wait(worker, signals);
	if (number)
		return number;
	if (!receive_message(worker->fd, out, sizeof *out))
		return matr_fail(err, MATR_ERROR_SYSTEM, NULL, "a measuring process has ended");
	return out->problem.code ? matr_error_copy(err, &out->problem) : 0;
}

int worker_stop(struct worker *worker)
{
	int status = 0;

	if (worker->fd >= 0)
		close(worker->fd);
	if (worker->pid > 0) {
		kill(-worker->pid, SIGKILL);
		kill(worker->pid, SIGKILL);
		while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	*worker = (struct worker){.fd = -1};
	return status;
}
