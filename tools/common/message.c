/* message.c - what all commands say on standard error in the same way. */
#include "matr/command.h"

#include <stdarg.h>
#include <stdio.h>

void print_error(const struct matr_error *err)
{
	if (err->file[0])
		fprintf(stderr, "matr: %s: %s\n", err->file, err->message);
	else
		fprintf(stderr, "matr: %s\n", err->message);
}

void print_warning(const char *format, ...)
{
	va_list args;

	fputs("matr: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
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
