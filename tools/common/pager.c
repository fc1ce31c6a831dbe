/* pager.c - the user's pager, started as git starts it. */
#include "common/pager.h"

#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t pager; /* 0: none */

/* ---- choice of the pager ---- */

/* Test whether there is a program of this name of `length` bytes, in PATH or by its path. */
static bool is_program(const char *name, size_t length)
{
	char word[PATH_MAX], path[PATH_MAX];

	if (length == 0 || length >= sizeof word)
		return false;
	snprintf(word, sizeof word, "%.*s", (int)length, name);
	return program_find(word, path, NULL) == 0 && access(path, X_OK) == 0;
}

/* Test whether the first word of the shell's command is a program. Assignments may stand before it.
 * Quoted text is left to the shell. */
static bool can_run(const char *command)
{
	for (;;) {
		command += strspn(command, " \t");
		size_t length = strcspn(command, " \t;&|<>()");
		if (memchr(command, '\'', length) || memchr(command, '"', length) ||
		    memchr(command, '$', length) || memchr(command, '~', length))
			return true;
		if (!memchr(command, '=', length))
			return is_program(command, length);
		command += length;
	}
}

/* The command; NULL: none. */
static const char *command_of(void)
{
	const char *command = getenv("MATR_PAGER");

	if (!command)
		command = getenv("PAGER");
	if (!command)
		command = is_program("pager", strlen("pager")) ? "pager" : "less";
	if (!*command || strcmp(command, "cat") == 0 || !can_run(command))
		return NULL;
	return command;
}

bool pager_is_there(void)
{
	return command_of() != NULL;
}

/* ---- a run ---- */

/* The user may leave the pager before all is written, and interrupts both with Ctrl-C: the terminal
 * is the pager's until it ends. */
static void on_signal(int number)
{
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	while (pager && waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	signal(number, SIG_DFL);
	raise(number);
}

static void take_signals(void)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct sigaction action = {.sa_handler = on_signal}, before;
		sigfillset(&action.sa_mask);
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			sigaction(numbers[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

/* With the pager's standard input from `input`. Returns its process, -1 if it does not start. */
static pid_t spawn(const char *command, int input)
{
	char *arguments[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(command), NULL};
	posix_spawn_file_actions_t actions;
	pid_t child = -1;

	if (!arguments[2] || posix_spawn_file_actions_init(&actions) != 0) {
		free(arguments[2]);
		return -1;
	}
	if (posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) != 0 ||
	    posix_spawn(&child, "/bin/sh", &actions, NULL, arguments, environ) != 0)
		child = -1;
	posix_spawn_file_actions_destroy(&actions);
	free(arguments[2]);
	return child;
}

void pager_start(void)
{
	const char *command = command_of();
	int ends[2];

	if (!command || pager || pipe2(ends, O_CLOEXEC) != 0)
		return;
	/* less: leave if it fits the screen, show colours, do not clear the screen; lv: colours. */
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	pid_t child = spawn(command, ends[0]);
	if (child > 0) {
		pager = child;
		take_signals();
		if (isatty(STDERR_FILENO) == 1)
			dup2(ends[1], STDERR_FILENO);
		dup2(ends[1], STDOUT_FILENO);
	}
	close(ends[0]);
	close(ends[1]);
}

bool pager_runs(void)
{
	return pager != 0;
}

void pager_wait(void)
{
	if (!pager)
		return;
	fflush(stderr);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
}
