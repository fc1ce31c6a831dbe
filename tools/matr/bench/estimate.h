/* estimate.h - a median, and how sure it is. */
#ifndef MATR_TOOLS_BENCH_ESTIMATE_H
#define MATR_TOOLS_BENCH_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>

/* Below this number of values, no two of them enclose the median with the confidence. */
enum { ESTIMATE_LEAST = 6 };

struct estimate {
	double median;
	/* The confidence interval of the median, in 95 of 100 cases or more, whatever the
	 * distribution: two of the values. Not with fewer than ESTIMATE_LEAST. */
	bool has_interval;
	double low, high;
};

/* values: n of them, 1 to 1000, which are sorted. */
struct estimate estimate_median(double *values, size_t n);

#endif
