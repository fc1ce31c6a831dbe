/* job.c - beginning or ending an epoch, in a process of its own. */
#include "matrd/job.h"
#include "common/begin_request.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRESS_FD = 3 };

static const char *text_of(struct json_object *request, const char *key)
{
	const char *text = json_object_get_string(json_object_object_get(request, key));
	return text ? text : "";
}

static bool is_set(struct json_object *request, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(request, key, &value) && json_object_get_boolean(value);
}

static const char **end_arguments(struct json_object *request, const char *matr, const char *prefix)
{
	const char *head[] = {matr, "--prefix", prefix, "--verbose", "epoch", "end", "--no-daemon"};
	const size_t n = sizeof head / sizeof *head, verbose = 3;
	const char **list = calloc(n + 1, sizeof *list);
	size_t at = 0;

	for (size_t i = 0; i < n && list; i++)
		if (i != verbose || is_set(request, "verbose"))
			list[at++] = head[i];
	return list;
}

const char **job_arguments(struct json_object *request, const char *matr, const char *prefix,
			   char jobs[16], const char **reason)
{
	const char *head[] = {matr,    "--prefix",    prefix,	    "epoch",
			      "begin", "--no-daemon", "--progress", "3" /* PROGRESS_FD */};
	struct begin_request begin;
	const char **list;

	*reason = "out of memory";
	if (strcmp(text_of(request, "request"), "begin") != 0)
		return end_arguments(request, matr, prefix);
	if (begin_request_from_json(request, &begin, reason) != 0)
		return NULL;
	list = begin_request_arguments(&begin, head, sizeof head / sizeof *head, jobs);
	free((void *)(uintptr_t)begin.programs);
	return list;
}

static void child(const char *const *arguments, int output, int errors, int progress)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* without matrd nothing listens */
	int null = open("/dev/null", O_RDONLY);
	/* Above all of 0 to 3, so that none is overwritten before it is in its place. */
	output = fcntl(output, F_DUPFD_CLOEXEC, 16);
	errors = fcntl(errors, F_DUPFD_CLOEXEC, 16);
	progress = fcntl(progress, F_DUPFD_CLOEXEC, 16);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0 ||
	    dup2(progress, PROGRESS_FD) < 0)
		_exit(126);
	execv(arguments[0], (char *const *)(uintptr_t)arguments);
	dprintf(2, "matr: %s: %s\n", arguments[0], strerror(errno));
	_exit(126);
}

int job_start(struct job *job, const char *const *arguments)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	int result = 0;

	*job = (struct job){.output = -1, .errors = -1, .progress = -1};
	for (int i = 0; i < 3 && result == 0; i++)
		result = pipe2(pipes[i], O_CLOEXEC);
	pid_t pid = result == 0 ? fork() : -1;
	if (pid == 0)
		child(arguments, pipes[0][1], pipes[1][1], pipes[2][1]);
	int reason = errno;
	for (int i = 0; i < 3; i++) {
		if (pipes[i][1] >= 0)
			close(pipes[i][1]);
		if (pid < 0 && pipes[i][0] >= 0)
			close(pipes[i][0]);
		else if (pid > 0)
			fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
	}
	if (pid < 0) {
		errno = reason;
		return -1;
	}
	*job = (struct job){pid, pipes[0][0], pipes[1][0], pipes[2][0], "starting", 0, 0, "", 0};
	return 0;
}

void job_read_progress(struct job *job)
{
	char buffer[1024];
	ssize_t n = read(job->progress, buffer, sizeof buffer);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(job->progress);
		job->progress = -1;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buffer[i] != '\n') {
			if (job->length + 1 < sizeof job->line)
				job->line[job->length++] = buffer[i];
			continue;
		}
		job->line[job->length] = 0;
		job->length = 0;
		sscanf(job->line, "%ld %ld %63[^\n]", &job->done, &job->all, job->what);
	}
}

void job_stop(struct job *job)
{
	if (job->pid > 0)
		kill(job->pid, SIGTERM);
}

int job_finished(struct job *job)
{
	int status;

	if (job->output >= 0 || job->errors >= 0)
		return -1;
	if (waitpid(job->pid, &status, WNOHANG) != job->pid)
		return -1;
	if (job->progress >= 0)
		close(job->progress);
	job->progress = -1;
	job->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
