/* trace.h - a run of `matr trace`, and its stages: which bindings, the epoch of the run, the run
 * itself, the table.
 */
#ifndef MATR_TOOLS_TRACE_TRACE_H
#define MATR_TOOLS_TRACE_TRACE_H

#include "common/options.h"
#include "common/output.h"
#include "trace/trace_format.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <matr/mapping.h>

enum trace_sort { SORT_SELF, SORT_TOTAL, SORT_CALLS };

struct traced { /* one binding */
	char *caller, *symbol, *version, *callee;
	char *definition; /* SYMBOL[@VERSION] in the callee */
	char *library;	  /* the callee as the scope has it */
	uint8_t kind;
	bool shown;
	int64_t edits[2];
	uint64_t calls, returns, total, self; /* nanoseconds */
};

struct trace_run {
	struct option_list symbols;
	const char *requester, *provider, *output;
	bool *matched; /* by symbol: something that is bound matches */
	bool count;
	enum trace_sort sort;
	enum output_format format;
	const char *ld_stable;
	char path[PATH_MAX], interpreter[PATH_MAX];
	int output_fd; /* open before the program runs; -1: not yet */
	char prefix[PATH_MAX], module[PATH_MAX], file[PATH_MAX];
	struct traced *list;
	size_t n;
	size_t left_out;
	struct trace_results *results;
};

/* Fill run->list with the bindings of run->path that match. NOT_FOUND: a pattern matches
 * nothing; UNSUPPORTED: what it matches cannot be traced. */
int trace_collect(struct trace_run *run, struct matr_error *err);

/* Fail with NOT_FOUND where a pattern matches nothing in the mapping, and with the nearest
 * names. */
int trace_check_names(const struct trace_run *run, const struct matr_mapping *mapping,
		      struct matr_error *err);
bool trace_object_matches(const char *glob, const struct matr_scope_entry *entry);

/* Make the prefix with an epoch of the one program, in which each binding of run->list goes by
 * way of a thunk; those for which that was refused are taken out of the list. */
int trace_make_prefix(struct trace_run *run, struct matr_error *err);
int trace_begin(struct trace_run *run, struct matr_error *err);

/* Run the program. Returns its exit status as a shell has it, or -1; *rate receives ticks per
 * nanosecond. */
int trace_execute(const struct trace_run *run, char **argv, double *rate, struct matr_error *err);

/* Open where the table goes. What is in the file stays until the table is printed. */
int trace_open_output(struct trace_run *run, struct matr_error *err);

/* Print the table. */
int trace_report(struct trace_run *run, double rate, struct matr_error *err);

/* Remove the prefix and free what belongs to the run, but not the run. */
void trace_end(struct trace_run *run);

#endif
