/* diff_exports.h - the differences between two machines: exports, or this machine's store. */
#ifndef MATR_TOOLS_COMPARE_DIFF_EXPORTS_H
#define MATR_TOOLS_COMPARE_DIFF_EXPORTS_H

#include <matr/error.h>

#include "common/format.h"
#include "matr/export/schema.h"

struct diff_exports {
	const struct export_source *before, *after;
	enum output_format format; /* table, json, jsonl or csv */
	const char *symbol;	   /* a glob: only bindings of these symbols; NULL: all */
	bool details;		   /* a row for each binding */
	bool totals;		   /* no rows but those of the numbers */
	bool bindings_only; /* other files at the same paths, that bind alike, are no difference */
};

/* Print the differences.
 * Returns 1 if there are any, 0 if not, -1 on error. */
int diff_exports(const struct diff_exports *diff, struct matr_error *err);

#endif
