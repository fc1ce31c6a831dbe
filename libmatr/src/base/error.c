/* error.c - filling in the one error type. */
#include <matr/error.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/resources.h"

static void fill(struct matr_error *err, enum matr_code code, const char *file)
{
	err->code = code;
	snprintf(err->file, sizeof err->file, "%s", file ? file : "");
}

int matr_fail(struct matr_error *err, enum matr_code code, const char *file, const char *format,
	      ...)
{
	if (!err)
		return -1;
	/* The arguments may point into *err itself, so the message is made before the file is set.
	 */
	char message[sizeof err->message];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	fill(err, code, file);
	memcpy(err->message, message, sizeof message);
	return -1;
}

int matr_fail_errno(struct matr_error *err, const char *file, const char *format, ...)
{
	int saved = errno;
	if (!err)
		return -1;
	char message[sizeof err->message];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(message, sizeof message, format, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof message)
		snprintf(message + length, sizeof message - (size_t)length, ": %s",
			 strerror(saved));
	fill(err, resources_ran_out(saved) ? MATR_ERROR_RESOURCES : MATR_ERROR_SYSTEM, file);
	memcpy(err->message, message, sizeof message);
	return -1;
}

int matr_fail_memory(struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_RESOURCES, NULL, "out of memory");
}

int matr_error_copy(struct matr_error *err, const struct matr_error *from)
{
	if (err)
		*err = *from;
	return -1;
}
