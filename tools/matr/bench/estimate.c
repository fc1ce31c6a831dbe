/* estimate.c - the median's confidence interval from order statistics.
 *
 * Each value is below the true median with probability 1/2, so the number of those below is
 * binomial. The k-th smallest and the k-th largest value enclose the median unless fewer than k
 * values lie on one side. k is the largest with which that has a probability of 5 % or less.
 */
#include "matr/bench/estimate.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

/* The largest k; 0: there is none. */
static size_t rank_of_limit(size_t n)
{
	double probability = 1; /* of exactly `below` values below the median */
	double sum = 0;
	size_t below = 0;

	for (size_t i = 0; i < n; i++)
		probability /= 2;
	while (below < n && sum + probability <= 0.025) {
		sum += probability;
		probability *= (double)(n - below) / (double)(below + 1);
		below++;
	}
	return below;
}

struct estimate estimate_median(double *values, size_t n)
{
	struct estimate estimate = {.has_interval = n >= ESTIMATE_LEAST};

	qsort(values, n, sizeof *values, compare);
	estimate.median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	if (estimate.has_interval) {
		size_t rank = rank_of_limit(n);
		estimate.low = values[rank - 1];
		estimate.high = values[n - rank];
	}
	return estimate;
}
