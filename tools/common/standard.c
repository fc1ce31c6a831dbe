/* standard.c - standard input, output and error of a command. */
#include "common/standard.h"

#include "common/message.h" /* STATUS_OUTPUT */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "standard output";

static struct {
	const char *program;
	bool failed;
	int reason; /* errno; 0: unknown, stdio lost it */
} output;

static void ignore(int signal_number)
{
	(void)signal_number;
}

void standard_open(const char *program)
{
	/* A handler rather than SIG_IGN, which programs that are executed would inherit. */
	struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART}, before;

	output.program = program;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* The wrong direction: using it fails with EBADF, as that of a closed one. */
		int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", mode | O_CLOEXEC); /* the lowest that is free */
	}
	if (sigaction(SIGXFSZ, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
		(void)sigaction(SIGXFSZ, &action, NULL);
}

/* stdio drops what it could not write, and errno with it. Returns what the next write meets; 0 if
 * there is nothing in its way any more. */
static int find_reason(void)
{
	struct pollfd state = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (poll(&state, 1, 0) > 0 && (state.revents & POLLERR))
		return EPIPE; /* found without the signal */
	return write(STDOUT_FILENO, "\n", 1) < 0 ? errno : 0;
}

static void note_failure(int reason)
{
	if (!output.failed)
		output.reason = reason ? reason : find_reason();
	output.failed = true;
}

int standard_flush(struct matr_error *err)
{
	bool failed_before = ferror(stdout) != 0;

	if (fflush(stdout) == 0 && !failed_before)
		return 0;
	note_failure(failed_before ? 0 : errno);
	errno = output.reason;
	return output.reason ? matr_fail_errno(err, name, "cannot be written")
			     : matr_fail(err, MATR_ERROR_SYSTEM, name, "cannot be written");
}

bool standard_is_output_error(const struct matr_error *err)
{
	return output.failed && strcmp(err->file, name) == 0;
}

void standard_take_error(const char *file, struct matr_error *err)
{
	errno = output.reason;
	if (output.reason)
		matr_fail_errno(err, file, "cannot be written");
	else
		matr_fail(err, MATR_ERROR_SYSTEM, file, "cannot be written");
	output.failed = false;
	clearerr(stdout);
}

int standard_end(int status)
{
	if (standard_flush(NULL) == 0 && !output.failed)
		return status;
	if (output.reason != EPIPE)
		fprintf(stderr, "%s: %s: cannot be written%s%s\n", output.program, name,
			output.reason ? ": " : "", output.reason ? strerror(output.reason) : "");
	return STATUS_OUTPUT;
}
