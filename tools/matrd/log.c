/* log.c - what matrd writes to its log: standard error. */
#include "matrd/log.h"

#include "common/safe.h"

#include <stdarg.h>

void matrd_say(const char *format, ...)
{
	struct text line = {0};
	va_list args;

	va_start(args, format);
	text_add_format(&line, format, args);
	va_end(args);
	fprintf(stderr, "matrd: %s\n", text_string(&line));
	text_free(&line);
}

void matrd_say_error(const struct matr_error *err)
{
	matrd_say("%s%s%s", err->file, err->file[0] ? ": " : "", err->message);
}
