/* report.c - the line that ld-stable prints with LD_STABLE_DEBUG=1, and why it gave up. */
#include <linux/fcntl.h>

#include "ld_stable.h"

void line_reason(struct line *line, const char *what, const char *object)
{
	line_text(line, what);
	if (object) {
		line_text(line, ": ");
		line_text(line, object);
	}
}

void process_exit(int status)
{
	for (;;)
		system_call(CALL_EXIT_GROUP, status, 0, 0, 0, 0, 0);
}

void report_plain(bool debug, int verify_fd, const char *what, const char *object)
{
	struct line line = {.length = 0};

	if (verify_fd >= 0) {
		line_text(&line, "plain ");
		line_reason(&line, what, object);
		line_write(&line, verify_fd);
		process_exit(0);
	}
	if (!debug)
		return;
	line_text(&line, "ld-stable: plain start: ");
	line_reason(&line, what, object);
	line_write(&line, 2);
}

void report_applied(const struct served *served)
{
	const struct matr_image_manifest *manifest = served->manifest;
	struct line line = {.length = 0};

	if (!served->debug)
		return;
	line_text(&line, "ld-stable: applied objects=");
	line_number(&line, manifest->n_objects);
	line_text(&line, " relocations=");
	line_number(&line, manifest->n_relocations);
	line_text(&line, " residual=");
	line_number(&line, manifest->n_residual_total);
	line_text(&line, served->bases.place == served->header->region ? " placement=shared"
								       : " placement=random");
	line_text(&line, served->cpu_recorded ? " cpu=recorded" : " cpu=computed");
	line_text(&line, " served=");
	line_number(&line, served->n_answered);
	line_write(&line, 2);
}

/* Open the results of `matr verify --loads`, from all processes of the program. */
long report_open_loads(const struct served *served)
{
	return system_call(CALL_OPENAT, AT_FDCWD, (long)served->verify_loads,
			   O_WRONLY | O_APPEND | O_CLOEXEC, 0, 0, 0);
}

/* "left ROOT: REASON", or "compared WORDS DIFFERENCES RESIDUAL ROOT". */
static void report_compared(const struct served *served, const char *root,
			    const struct matr_image_closure *closure, const char *reason,
			    const char *culprit, uint64_t words, uint64_t differences)
{
	struct line line = {.length = 0};

	if (!closure) {
		line_text(&line, "left ");
		line_text(&line, root);
		line_text(&line, ": ");
		line_reason(&line, reason, culprit);
	} else {
		line_text(&line, "compared ");
		line_number(&line, words);
		line_text(&line, " ");
		line_number(&line, differences);
		line_text(&line, " ");
		line_number(&line, closure->n_residual);
		line_text(&line, " ");
		line_text(&line, root);
	}
	long fd = report_open_loads(served);
	if (fd < 0)
		return;
	line_write(&line, (int)fd);
	file_close(fd);
}

void report_closure(const struct served *served, const struct closure_report *report)
{
	const struct matr_image_closure *closure = report->closure;
	struct line line = {.length = 0};

	if (served->verify_loads)
		report_compared(served, report->root, closure, report->reason, report->culprit,
				report->words, report->differences);
	if (!served->debug || (closure && served->verify_loads))
		return;
	if (!closure) {
		line_text(&line, "ld-stable: left to ld.so: ");
		line_text(&line, report->root);
		line_text(&line, ": ");
		line_reason(&line, report->reason, report->culprit);
	} else {
		line_text(&line, "ld-stable: applied closure ");
		line_text(&line, report->root);
		line_text(&line, " objects=");
		line_number(&line, closure->n_members);
		line_text(&line, " relocations=");
		line_number(&line, closure->n_relocations);
		line_text(&line, " residual=");
		line_number(&line, closure->n_residual);
	}
	line_write(&line, 2);
}

_Noreturn void report_fatal(const char *what, const char *object)
{
	struct line line = {.length = 0};

	line_text(&line, "ld-stable: ");
	line_reason(&line, what, object);
	line_write(&line, 2);
	process_exit(127);
}
