/* log.c - what matrd writes to its log: standard error. */
#include "matrd/log.h"

#include <stdarg.h>
#include <stdio.h>

void matrd_say(const char *format, ...)
{
	va_list args;

	fputs("matrd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void matrd_say_error(const struct matr_error *err)
{
	matrd_say("%s%s%s", err->file, err->file[0] ? ": " : "", err->message);
}
