#include "values.h"
#include <stdio.h>
#include <stdlib.h>
__attribute__((target("avx"))) static void use_wide(void)
{
	double d[4];
	_mm256_storeu_pd(d, wide(_mm256_set_pd(4, 3, 2, 1), _mm256_set1_pd(10)));
	printf("%g %g %g %g\n", d[0], d[1], d[2], d[3]);
}
__attribute__((target("avx512f"))) static void use_wider(void)
{
	double d[8];
	_mm512_storeu_pd(d, wider(_mm512_set_pd(8, 7, 6, 5, 4, 3, 2, 1), _mm512_set1_pd(10)));
	printf("%g %g\n", d[0], d[7]);
}
int main(void)
{
	struct large nine = large(1, 2, 3, 4, 5, 6, 7, 8, 9);
	struct words w = words(100, nine, 200);
	struct mixed m = mixed(1.5, 7);
	struct reals r = reals(1, 2);
	long double complex c = two_extended(1.25L);
	int numbers[1000];
	printf("%ld %ld %ld %ld %g %ld %g %g\n", nine.a[0], nine.a[8], w.a, w.b, m.a, m.b, r.a,
	       r.b);
	printf("%Lg %Lg %Lg %g\n", extended(1, 3), creall(c), cimagl(c),
	       many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
	printf("%d %d\n", variadic("idlidd", 1, 2.0, 3.0L, 4, 5.0, 6.0), small(1, 2, 1));
	if (__builtin_cpu_supports("avx"))
		use_wide();
	if (__builtin_cpu_supports("avx512f"))
		use_wider();
	for (int i = 0; i < 1000; i++)
		numbers[i] = i * 7919 % 1000;
	qsort(numbers, 1000, sizeof *numbers, compare);
	for (int i = 0; i < 1000; i++)
		if (numbers[i] != i)
			return 1;
	return 0;
}
