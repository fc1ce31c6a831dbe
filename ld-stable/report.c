/* report.c - the one line that ld-stable prints when asked to (LD_STABLE_DEBUG=1), and why it gave up. */
#include "ld_stable.h"

static void line_reason(struct line *line, const char *what, const char *object)
{
	line_text(line, what);
	if (object) {
		line_text(line, ": ");
		line_text(line, object);
	}
}

void report_plain(bool debug, int verify_fd, const char *what, const char *object)
{
	struct line line = {.length = 0};

	if (verify_fd >= 0) {
		line_text(&line, "plain ");
		line_reason(&line, what, object);
		line_write(&line, verify_fd);
		system_call(CALL_EXIT_GROUP, 0, 0, 0, 0, 0, 0);
	}
	if (!debug)
		return;
	line_text(&line, "ld-stable: plain start: ");
	line_reason(&line, what, object);
	line_write(&line, 2);
}

void report_applied(const struct handover *handover)
{
	const struct matr_image_manifest *manifest = handover->image.manifest;
	struct line line = {.length = 0};

	if (!handover->debug)
		return;
	line_text(&line, "ld-stable: applied objects=");
	line_number(&line, manifest->n_objects);
	line_text(&line, " relocations=");
	line_number(&line, manifest->n_relocations);
	line_text(&line, " residual=");
	line_number(&line, manifest->n_residual);
	line_write(&line, 2);
}

void report_closure(const struct handover *handover, const char *root,
		    const struct matr_image_closure *closure, const char *reason,
		    const char *object)
{
	struct line line = {.length = 0};

	if (!handover->debug)
		return;
	if (!closure) {
		line_text(&line, "ld-stable: left to ld.so: ");
		line_text(&line, root);
		line_text(&line, ": ");
		line_reason(&line, reason, object);
	} else {
		line_text(&line, "ld-stable: applied closure ");
		line_text(&line, root);
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
	for (;;)
		system_call(CALL_EXIT_GROUP, 127, 0, 0, 0, 0, 0);
}
