#include "values.h"
#include <stdarg.h>
struct words words(long a, struct large v, long b)
{
	return (struct words){a + v.a[0], b + v.a[8]};
}
struct mixed mixed(double a, long b)
{
	return (struct mixed){a * 2, b * 2};
}
struct reals reals(double a, double b)
{
	return (struct reals){b, a};
}
struct large large(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
	return (struct large){{a, b, c, d, e, f, g, h, i}};
}
long double extended(long double a, long double b)
{
	return a / b;
}
long double complex two_extended(long double a)
{
	return a + 2 * a * I;
}
double many(double a, double b, double c, double d, double e, double f, double g, double h,
	    double i, double j)
{
	return a + b + c + d + e + f + g + h + i * 10 + j * 100;
}
int variadic(const char *kinds, ...)
{
	double sum = 0;
	va_list list;
	va_start(list, kinds);
	for (; *kinds; kinds++)
		sum += *kinds == 'd'   ? va_arg(list, double)
		       : *kinds == 'l' ? (double)va_arg(list, long double)
				       : va_arg(list, int);
	va_end(list);
	return (int)sum;
}
__attribute__((target("avx"))) __m256d wide(__m256d a, __m256d b)
{
	return _mm256_sub_pd(a, b);
}
__attribute__((target("avx512f"))) __m512d wider(__m512d a, __m512d b)
{
	return _mm512_sub_pd(a, b);
}
_Bool small(char a, short b, _Bool c)
{
	return a < b && c;
}
int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}
