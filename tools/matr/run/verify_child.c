/* verify_child.c - starting a program that compares instead of running.
 *
 * A child enters the namespace and executes the program with LD_STABLE_VERIFY set to the number of
 * a pipe. ld-stable's initialiser, which runs before every other, writes what it finds to that pipe
 * and exits:
 *
 * 	diff OBJECT OFFSET EXPECTED FOUND	any number of these: scope index, then hexadecimal
 * 	done OBJECTS SLOTS DIFFERENCES RESIDUAL	the last line, decimal; or
 * 	plain REASON				in the place of all others
 *
 * If neither comes, ld.so itself gave up, and what it wrote to standard error is the reason.
 */
#include "matr/run/verify_child.h"
#include "common/array.h"
#include "common/program.h"
#include "common/text.h"
#include "matr/namespace/reporting_child.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/object.h>

enum {
	TIMEOUT_MILLISECONDS = 120000, /* without a sign of life */
	TEXT_MAX = 64 << 20,	       /* bytes of report that are kept */
	STATUS_GAVE_UP = 125,	       /* of the child: it did not start the program */
};

void comparison_free(struct comparison *comparison)
{
	free(comparison->differences);
	*comparison = (struct comparison){0};
}

/* ---- the child ---- */

static _Noreturn void give_up(const struct matr_error *err)
{
	dprintf(STDERR_FILENO, "%s%s%s\n", err->file, err->file[0] ? ": " : "", err->message);
	_exit(STATUS_GAVE_UP);
}

static _Noreturn void run_child(const char *prefix, const char *path, const char *library_path,
				bool bind_now, int report)
{
	char interpreter[PATH_MAX], number[16];
	struct matr_error err = {0};

	if (matr_program_interpreter(path, interpreter, &err) < 0)
		give_up(&err);
	enum placement placement = namespace_enter(prefix, interpreter, &err);
	if (placement == NOT_PLACED)
		give_up(&err); /* started from here, the program would really run */
	snprintf(number, sizeof number, "%d", report);
	if (setenv("LD_STABLE_VERIFY", number, 1) != 0 ||
	    (library_path && setenv("LD_LIBRARY_PATH", library_path, 1) != 0) ||
	    (bind_now && setenv("LD_BIND_NOW", "1", 1) != 0)) {
		matr_fail_errno(&err, NULL, "cannot prepare the program");
		give_up(&err);
	}
	reporting_child_execute(prefix, path, placement, &err);
	give_up(&err);
}

/* ---- the parent ---- */

/* Collect both pipes until they are closed. false: it took too long. */
static bool collect(const struct reporting_child *child, struct text *reported, struct text *said)
{
	struct pollfd fds[] = {{.fd = child->report, .events = POLLIN},
			       {.fd = child->errors, .events = POLLIN}};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int ready = poll(fds, 2, TIMEOUT_MILLISECONDS);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		/* A descriptor below 0 is not polled. */
		if (fds[0].revents && !reporting_child_read(child->report, reported, TEXT_MAX))
			fds[0].fd = -1;
		if (fds[1].revents && !reporting_child_read(child->errors, said, TEXT_MAX))
			fds[1].fd = -1;
	}
	return true;
}

static int add_difference(struct comparison *out, const char *line, struct matr_error *err)
{
	struct difference difference;

	if (sscanf(line, "diff %zu %" SCNx64 " %" SCNx64 " %" SCNx64, &difference.object,
		   &difference.offset, &difference.expected, &difference.found) != 4)
		return 0;
	if (array_grow(&out->differences, out->n_differences, sizeof *out->differences, err) != 0)
		return -1;
	out->differences[out->n_differences++] = difference;
	return 0;
}

static int parse_report(struct text *reported, struct comparison *out, struct matr_error *err)
{
	char *rest = reported->bytes;
	size_t differences;

	for (char *line; rest && (line = strsep(&rest, "\n")) != NULL;) {
		if (strncmp(line, "plain ", 6) == 0) {
			out->outcome = COMPARISON_PLAIN;
			snprintf(out->reason, sizeof out->reason, "%s", line + 6);
		} else if (sscanf(line, "done %zu %zu %zu %zu", &out->objects, &out->slots,
				  &differences, &out->residual) == 4) {
			out->outcome = COMPARISON_DONE;
		} else if (add_difference(out, line, err) != 0) {
			return -1;
		}
	}
	return 0;
}

/* Describe the end of a child that reported neither "done" nor "plain". */
static void explain(int status, const struct text *said, struct comparison *out)
{
	const char *line = text_string(said);
	int length = (int)strcspn(line, "\n");
	char how[64];

	if (length > 400)
		length = 400;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof how, "exit status %d", WEXITSTATUS(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_GAVE_UP && length)
		snprintf(out->reason, sizeof out->reason, "%.*s", length, line);
	else
		snprintf(out->reason, sizeof out->reason,
			 "did not get as far as its constructors (%s)%s%.*s", how,
			 length ? ": " : "", length, line);
}

int verify_program(const char *prefix, const char *path, const char *library_path, bool bind_now,
		   struct comparison *out, struct matr_error *err)
{
	struct text reported = {0}, said = {0};
	struct reporting_child child;
	int status = 0;

	*out = (struct comparison){.outcome = COMPARISON_FAILED};
	pid_t pid = reporting_child_fork(path, &child, err);
	if (pid < 0)
		return -1;
	if (pid == 0)
		run_child(prefix, path, library_path, bind_now, child.report);
	bool in_time = collect(&child, &reported, &said);
	reporting_child_close(&child);
	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	int result = parse_report(&reported, out, err);
	if (out->outcome == COMPARISON_FAILED && in_time)
		explain(status, &said, out);
	else if (out->outcome == COMPARISON_FAILED)
		snprintf(out->reason, sizeof out->reason, "took too long");
	text_free(&reported);
	text_free(&said);
	return result;
}
