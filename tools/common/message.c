/* message.c - messages of commands on standard error. */
#include "common/message.h"

#include "common/safe.h"
#include "common/standard.h"
#include "common/status_line.h"

#include <stdarg.h>

void print_error(const struct matr_error *err)
{
	if (standard_is_output_error(err))
		return;
	if (err->file[0])
		print_warning("%s: %s", err->file, err->message);
	else
		print_warning("%s", err->message);
}

void print_warning(const char *format, ...)
{
	struct text line = {0};
	va_list args;

	va_start(args, format);
	text_add_format(&line, format, args);
	va_end(args);
	status_line_erase();
	fprintf(stderr, "matr: %s\n", text_string(&line)); /* in one piece: stderr may be shared */
	text_free(&line);
}

int usage_error(const char *command)
{
	fprintf(stderr, "Try `matr %s%s--help`.\n", command, *command ? " " : "");
	return STATUS_USAGE;
}

int usage_error_because(const char *command, const char *reason, const char *argument)
{
	if (argument)
		print_warning("%s: %s", argument, reason);
	else
		print_warning("%s", reason);
	return usage_error(command);
}

enum exit_status error_status(const struct matr_error *err)
{
	return err->code == MATR_ERROR_USAGE ? STATUS_USAGE : STATUS_FAILURE;
}
