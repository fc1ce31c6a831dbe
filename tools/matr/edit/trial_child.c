/* trial_child.c - starting one program up to its main().
 *
 * A child enters the namespace and executes the program with LD_STABLE_TRIAL set to the number of a
 * pipe. ld-stable ends it where main() would begin, and writes one line (ld-stable/trial.c). If
 * none comes, the program has died, or takes too long. What it started meanwhile is in its process
 * group.
 */
#include "matr/edit/trial_child.h"
#include "common/text.h"
#include "matr/namespace/reporting_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <matr/object.h>

enum {
	TIME_MILLISECONDS = 20000, /* for one start */
	LOOK_MILLISECONDS = 100,   /* whether it has ended, where a child of it keeps the pipes */
	TEXT_MAX = 1 << 16,	   /* bytes of its output that are kept */
};

/* ---- the child ---- */

/* As from a session without variables for ld.so: these would lead to a plain start. */
static void clean_environment(void)
{
	for (char **at = environ; *at;) {
		char name[256];
		size_t length = strcspn(*at, "=");
		bool ours = strncmp(*at, "LD_", 3) == 0 || strncmp(*at, "GLIBC_TUNABLES=", 15) == 0;
		if (!ours || length >= sizeof name) {
			at++;
			continue;
		}
		memcpy(name, *at, length);
		name[length] = 0;
		unsetenv(name);
		at = environ;
	}
}

static void say(int report, const struct matr_error *err)
{
	dprintf(report, "plain %s%s%s\n", err->file, err->file[0] ? ": " : "", err->message);
}

static _Noreturn void run_child(const char *prefix, const char *path, const char *library_path,
				bool plain, int report)
{
	char interpreter[PATH_MAX], value[32];
	const struct rlimit no_core = {0, 0};
	struct matr_error err = {0};

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	clean_environment();
	snprintf(value, sizeof value, "%d%s", report, plain ? ",plain" : "");
	enum placement placement = NOT_PLACED;
	if (matr_program_interpreter(path, interpreter, &err) >= 0)
		placement = namespace_enter(prefix, interpreter, &err);
	if (placement != NOT_PLACED && chdir("/") == 0 &&
	    setenv("LD_STABLE_TRIAL", value, 1) == 0 &&
	    (!library_path || setenv("LD_LIBRARY_PATH", library_path, 1) == 0))
		reporting_child_execute(prefix, path, placement, &err);
	say(report, &err);
	_exit(0);
}

/* ---- the parent ---- */

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Collect what the child writes until it has ended. Returns false if that takes too long. */
static bool collect(pid_t child, struct pollfd fds[2], struct text texts[2], int *status)
{
	long end = milliseconds() + TIME_MILLISECONDS;
	bool ended = false;

	while (!ended && milliseconds() < end) {
		bool open = fds[0].fd >= 0 || fds[1].fd >= 0;
		int ready = open ? poll(fds, 2, LOOK_MILLISECONDS) : 0;
		if (!open && waitpid(child, status, WNOHANG) == 0)
			poll(NULL, 0, 1);
		else if (!open)
			return true;
		for (int i = 0; i < 2 && ready > 0; i++)
			if (fds[i].fd >= 0 && fds[i].revents &&
			    !reporting_child_read(fds[i].fd, &texts[i], TEXT_MAX))
				fds[i].fd = -1;
		if (open && ready == 0)
			ended = waitpid(child, status, WNOHANG) != 0;
	}
	return ended;
}

static void describe_death(int status, const struct text *said, char *out, size_t size)
{
	const char *line = text_string(said);
	int length = (int)strcspn(line, "\n");

	if (length > 200)
		length = 200;
	if (WIFSIGNALED(status))
		snprintf(out, size, "is killed by signal %d (%s)%s%.*s", WTERMSIG(status),
			 strsignal(WTERMSIG(status)), length ? ": " : "", length, line);
	else
		snprintf(out, size, "ends with exit status %d%s%.*s", WEXITSTATUS(status),
			 length ? ": " : "", length, line);
}

static void judge(bool in_time, int status, struct text texts[2], struct trial_result *out)
{
	const char *report = text_string(&texts[0]);

	if (strncmp(report, "plain ", 6) == 0) {
		out->outcome = TRIAL_UNTRIED;
		snprintf(out->how, sizeof out->how, "%.*s", (int)strcspn(report + 6, "\n"),
			 report + 6);
	} else if (strcmp(report, "main\n") == 0 || strcmp(report, "entry\n") == 0) {
		out->outcome = TRIAL_REACHED;
	} else if (!in_time) {
		snprintf(out->how, sizeof out->how, "does not get there within %d seconds",
			 TIME_MILLISECONDS / 1000);
	} else {
		describe_death(status, &texts[1], out->how, sizeof out->how);
	}
}

int trial_start(const char *prefix, const char *path, const char *library_path, bool plain,
		struct trial_result *out, struct matr_error *err)
{
	struct text texts[2] = {{0}, {0}};
	struct reporting_child child;
	int status = 0;

	*out = (struct trial_result){.outcome = TRIAL_DIED};
	pid_t pid = reporting_child_fork(path, &child, err);
	if (pid < 0)
		return -1;
	if (pid == 0)
		run_child(prefix, path, library_path, plain, child.report);
	struct pollfd fds[] = {{.fd = child.report, .events = POLLIN},
			       {.fd = child.errors, .events = POLLIN}};
	bool in_time = collect(pid, fds, texts, &status);
	reporting_child_close(&child);
	(void)kill(-pid, SIGKILL); /* what it started */
	if (!in_time) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
	}
	judge(in_time, status, texts, out);
	int result = texts[0].failed || texts[1].failed ? matr_fail_memory(err) : 0;
	text_free(&texts[0]);
	text_free(&texts[1]);
	return result;
}
