/* file_source.h - the rows of an export in a file of JSON lines. */
#ifndef MATR_TOOLS_EXPORT_FILE_SOURCE_H
#define MATR_TOOLS_EXPORT_FILE_SOURCE_H

#include "matr/export/schema.h"

#include <matr/error.h>

/* Read the file NAME of a struct export_source, for its `rows`; context is the name. Every row is
 * checked, whether it is wanted or not: that it is of the same host and epoch, that it comes in
 * order and once, that what it refers to is there, that the bindings make the hash of their set,
 * and that the last row is the last one of as many as it says.
 * Errors: MALFORMED (cut off, damaged, out of order, twice), STATE (another format), SYSTEM,
 * MEMORY, those of the sink. */
int export_file_rows(void *name, unsigned tables, bool (*wanted)(int64_t object, void *whose),
		     void *whose, const struct export_sink *sink, struct matr_error *err);

/* Test whether the file begins as an export does: JSON lines, or zstd. An unreadable file is no
 * error here: it is read later. */
bool export_file_recognize(const char *name);

#endif
