/* tools_estimate.c - the median of `matr bench`, and how sure it is. */
#include <stdlib.h>

#include <check.h>

#include "matr/bench/estimate.h"
#include "unit.h"

/* 1 to n, not in order. */
static struct estimate of(size_t n)
{
	double values[1000];

	for (size_t i = 0; i < n; i++)
		values[i] = (double)((i * 7919 + n / 2) % n + 1);
	return estimate_median(values, n);
}

START_TEST(medians)
{
	ck_assert_double_eq(of(1).median, 1);
	ck_assert_double_eq(of(2).median, 1.5);
	ck_assert_double_eq(of(5).median, 3);
	ck_assert_double_eq(of(1000).median, 500.5);
}
END_TEST

/* Ranks as in tables of the sign test. */
START_TEST(intervals)
{
	static const struct {
		size_t n;
		double low, high;
	} ranks[] = {
		{6, 1, 6},    {8, 1, 8},     {9, 2, 8},	       {20, 6, 15},
		{50, 18, 33}, {100, 40, 61}, {1000, 469, 532},
	};

	for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
		struct estimate estimate = of(ranks[i].n);
		ck_assert(estimate.has_interval);
		ck_assert_double_eq(estimate.low, ranks[i].low);
		ck_assert_double_eq(estimate.high, ranks[i].high);
	}
	for (size_t n = 1; n < ESTIMATE_LEAST; n++)
		ck_assert(!of(n).has_interval);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("estimate");

	tcase_add_test(tests, medians);
	tcase_add_test(tests, intervals);
	return unit_run(tests, "estimate");
}
