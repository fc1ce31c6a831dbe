/* table.c - the table of a `matr trace`. */
#include "common/message.h"
#include "common/standard.h"
#include "matr/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare(const void *left, const void *right, void *sort)
{
	enum trace_sort sort_by = *(enum trace_sort *)sort;
	const struct traced *a = left, *b = right;
	uint64_t x = sort_by == SORT_CALLS ? a->calls : sort_by == SORT_TOTAL ? a->total : a->self;
	uint64_t y = sort_by == SORT_CALLS ? b->calls : sort_by == SORT_TOTAL ? b->total : b->self;

	if (x != y)
		return x < y ? 1 : -1;
	if (a->calls != b->calls)
		return a->calls < b->calls ? 1 : -1;
	int order = strcmp(a->symbol, b->symbol);
	return order ? order : strcmp(a->caller, b->caller);
}

static int show(struct trace_run *run, double rate, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"calls", COLUMN_RIGHT},      {"total_ns", COLUMN_RIGHT}, {"self_ns", COLUMN_RIGHT},
		{"unfinished", COLUMN_RIGHT}, {"caller", COLUMN_LEFT},	  {"symbol", COLUMN_LEFT},
		{"version", COLUMN_LEFT},     {"callee", COLUMN_LEFT},
	};
	struct output output;

	for (size_t i = 0; i < run->n; i++) {
		const struct trace_slot *slot = &run->results->slots[i];
		run->list[i].calls = slot->calls;
		run->list[i].returns = slot->returns;
		run->list[i].total = (uint64_t)((double)slot->total / rate);
		run->list[i].self = (uint64_t)((double)slot->self / rate);
	}
	qsort_r(run->list, run->n, sizeof *run->list, compare, &run->sort);
	output_open(&output, run->format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < run->n; i++) {
		const struct traced *traced = &run->list[i];
		if (!traced->shown || !traced->calls)
			continue;
		output_number(&output, (int64_t)traced->calls);
		output_number(&output, (int64_t)traced->total);
		output_number(&output, (int64_t)traced->self);
		output_number(&output, (int64_t)(traced->calls - traced->returns));
		output_text(&output, traced->caller);
		output_text(&output, traced->symbol);
		output_text(&output, traced->version);
		output_text(&output, traced->callee);
	}
	return output_close(&output, err);
}

int trace_open_output(struct trace_run *run, struct matr_error *err)
{
	if (!run->output)
		return 0;
	run->output_fd = open(run->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	return run->output_fd < 0 ? matr_fail_errno(err, run->output, "cannot be written") : 0;
}

/* The table is output for this process's standard output, which was the program's until now. */
int trace_report(struct trace_run *run, double rate, struct matr_error *err)
{
	fflush(stdout);
	if ((run->output && ftruncate(run->output_fd, 0) != 0 && errno != EINVAL) ||
	    dup2(run->output ? run->output_fd : STDERR_FILENO, STDOUT_FILENO) < 0)
		return matr_fail_errno(err, run->output, "cannot be written");
	if (show(run, rate, err) != 0) {
		if (standard_is_output_error(err))
			standard_take_error(run->output ? run->output : "standard error", err);
		return -1;
	}
	if (!run->results->processes)
		print_warning("%s started plainly: nothing was traced (LD_STABLE_DEBUG=1 says why)",
			      run->path);
	if (run->left_out)
		print_warning("%zu bindings that match cannot be traced, and are not in the table",
			      run->left_out);
	if (run->results->untimed)
		print_warning("%" PRIu64 " calls were counted, but not timed: too deep",
			      run->results->untimed);
	return 0;
}
