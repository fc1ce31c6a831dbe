/* warnings.h - one warning per file and reason. */
#ifndef MATR_SQL_WARNINGS_H
#define MATR_SQL_WARNINGS_H

#include <matr/error.h>

struct warnings;

/* warn: NULL for standard error. NULL: out of memory. */
struct warnings *warnings_new(void (*warn)(void *, const struct matr_error *), void *context);
void warnings_free(struct warnings *warnings);
void warnings_give(struct warnings *warnings, const struct matr_error *warning);

#endif
