/* why.h - the parts of `matr why`. */
#ifndef MATR_TOOLS_QUERY_WHY_H
#define MATR_TOOLS_QUERY_WHY_H

#include "common/output.h"
#include "common/recorded.h"

/* `matr why --library` (why_library.c). */
int why_library(const struct recorded *recorded, const char *library, enum output_format format,
		struct matr_error *err);

#endif
