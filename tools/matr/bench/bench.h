/* bench.h - what a program gains: measured as ld.so starts it and as MatR does, in turns. */
#ifndef MATR_TOOLS_BENCH_BENCH_H
#define MATR_TOOLS_BENCH_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <matr/error.h>

#include "matr/bench/estimate.h"

enum { BENCH_ROUNDS_MAX = 1000 };

enum { BENCH_LD_SO, BENCH_MATR, BENCH_LINKERS };

struct bench_options {
	const char *prefix; /* its epoch is used if it is in force and has the program */
	unsigned rounds;    /* 0: as many as ten seconds allow, 6 to 100 */
	bool start_only;    /* up to main(): the program need not end */
	bool progress;	    /* show it on standard error */
};

struct bench_times {
	double seconds[BENCH_LINKERS]; /* medians */
	struct estimate ratio; /* ld.so's time to MatR's in the same round: how many times less */
};

struct bench_result {
	char program[PATH_MAX]; /* canonical */
	bool temporary;		/* the epoch was begun for this, and is gone */
	int64_t epoch;		/* else its number */
	char said[512];		/* by ld-stable, of a start */
	size_t rounds;
	struct bench_times loader; /* from exec until everything is relocated */
	bool has_whole;		   /* not with start_only */
	struct bench_times whole;  /* from before the spawn to the exit */
	int status;		   /* of waitpid(), of a whole run */
	/* At the exit, with start_only at the entry point. Not known: -1. */
	long faults[BENCH_LINKERS], private_kb[BENCH_LINKERS];
};

/* Measure. arguments: the program as the user calls it, what it is given, NULL.
 * Returns 0; the number of the signal by which the user has ended it, with everything removed; or
 * -1.
 * Errors: NOT_FOUND, UNSUPPORTED (there is nothing to compare: it is static, a script, ..., or
 * starts plainly with MatR; the message has the reason), SYSTEM, MEMORY. */
int bench_run(const struct bench_options *options, char *const *arguments, struct bench_result *out,
	      struct matr_error *err);

/* The result as a JSON object, which is the caller's. */
struct json_object *bench_to_json(const struct bench_result *result);

#endif
