/* why.h - what the parts of `matr why` share. */
#ifndef MATR_WHY_H
#define MATR_WHY_H

#include "common/output.h"
#include "common/recorded.h"

/* The version that a symbol carries or asks for; NULL: none. */
const char *why_version(const struct matr_object *object, uint32_t symbol);

/* `matr why --library` (why_library.c). */
int why_library(const struct recorded *recorded, const char *library, enum output_format format,
		struct matr_error *err);

#endif
