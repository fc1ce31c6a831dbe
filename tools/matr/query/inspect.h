/* inspect.h - the views that matr inspect has of a mapping. */
#ifndef MATR_TOOLS_QUERY_INSPECT_H
#define MATR_TOOLS_QUERY_INSPECT_H

#include <stdbool.h>

#include <matr/applied.h>

#include "common/output.h"
#include "common/recorded.h"

struct inspect_filter {	       /* globs; NULL: everything */
	const char *symbol;    /* name, or name@version where the glob has an '@' */
	const char *requester; /* path, file name or soname */
	const char *provider;
};

/* Print a summary of the mapping: objects, relocations by type and by provider. */
int inspect_summary(const char *prefix, const struct recorded *recorded,
		    const struct matr_applied_mapping *applied, enum output_format format,
		    struct matr_error *err);

/* One row per relocation other than the relative ones. */
int inspect_relocations(const struct recorded *recorded, const struct matr_applied_mapping *applied,
			const struct inspect_filter *filter, enum output_format format,
			struct matr_error *err);

/* The bindings in ld.so's sense, each once and sorted: what LD_DEBUG=bindings reports. */
int inspect_bindings(const struct recorded *recorded, const struct inspect_filter *filter,
		     enum output_format format, struct matr_error *err);

/* Print the loads of the program and their state: one row per closure. */
int inspect_closures(const struct recorded *recorded, enum output_format format,
		     struct matr_error *err);

#endif
