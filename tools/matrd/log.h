/* log.h - what matrd writes to its log: standard error. */
#ifndef MATR_TOOLS_MATRD_LOG_H
#define MATR_TOOLS_MATRD_LOG_H

#include <matr/error.h>

/* Write the line "matrd: ...". */
void matrd_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write the line "matrd: FILE: MESSAGE". */
void matrd_say_error(const struct matr_error *err);

#endif
