/* command.c - other commands of this matr, for the JSON that they print. check-upgrade moves into a
 * mount namespace for good, which is another process's then. */
#include "matr/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(char *const *arguments, int output, pid_t *pid)
{
	posix_spawn_file_actions_t actions;

	int error = posix_spawn_file_actions_init(&actions);
	if (error != 0)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn(pid, "/proc/self/exe", &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int report_command(char *const *arguments, struct json_object **out, struct matr_error *err)
{
	struct text text = {0};
	int ends[2], status = 0;
	pid_t pid;

	*out = NULL;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return matr_fail_errno(err, NULL, "no pipe");
	int error = start(arguments, ends[1], &pid);
	close(ends[1]);
	if (error != 0) {
		close(ends[0]);
		return matr_fail(err, MATR_ERROR_SYSTEM, "matr", "cannot be run: %s",
				 strerror(error));
	}
	text_add_rest(&text, ends[0]);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* 1: there are differences. The command itself has reported any error. */
	bool done = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
	*out = done && !text.failed ? json_tokener_parse(text_string(&text)) : NULL;
	text_free(&text);
	if (!done && WIFEXITED(status)) {
		*err = (struct matr_error){.code = MATR_ERROR_STATE};
		return -1;
	}
	if (!*out)
		return matr_fail(err, MATR_ERROR_STATE, "matr", "%s has failed", arguments[3]);
	return 0;
}
