#include <complex.h>
#include <immintrin.h>
struct words {
	long a, b;
}; /* rax:rdx */
struct mixed {
	double a;
	long b;
}; /* xmm0, rax */
struct reals {
	double a, b;
}; /* xmm0:xmm1 */
struct large {
	long a[9];
}; /* memory, its address in rax */
struct words words(long a, struct large by_value, long b);
struct mixed mixed(double a, long b);
struct reals reals(double a, double b);
struct large large(int a, int b, int c, int d, int e, int f, int g, int h, int i);
long double extended(long double a, long double b);
long double complex two_extended(long double a); /* st0:st1 */
double many(double a, double b, double c, double d, double e, double f, double g, double h,
	    double i, double j);
int variadic(const char *kinds, ...);
__m256d wide(__m256d a, __m256d b);
__m512d wider(__m512d a, __m512d b);
_Bool small(char a, short b, _Bool c);
int compare(const void *a, const void *b);
