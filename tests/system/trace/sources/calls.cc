#include <complex>
#include <immintrin.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdexcept>
#include <string.h>
struct big {
	long a[6];
};
extern "C" {
int add(int a, int b, int c, int d, int e, int f, int g, int h)
{
	return a + b + c + d + e + f + g + h;
}
double mix(double a, float b, int c, long double d)
{
	return a + b + c + (double)d;
}
long double longer(long double a)
{
	return a * 2;
}
struct big large(long first)
{
	struct big b;
	for (int i = 0; i < 6; i++)
		b.a[i] = first + i;
	return b;
}
int sum(int n, ...)
{
	va_list l;
	va_start(l, n);
	double s = 0;
	for (int i = 0; i < n; i++)
		s += va_arg(l, double);
	va_end(l);
	return (int)s;
}
__attribute__((target("avx"))) __m256d wide(__m256d a, __m256d b)
{
	return _mm256_add_pd(a, b);
}
std::complex<double> two(double a)
{
	return {a, -a};
}
void thrower(int n)
{
	if (n == 0)
		throw std::runtime_error("thrown");
}
void middle(int n)
{
	thrower(n);
}
int recurse(int n);
int deep(int n)
{
	return n ? recurse(n - 1) + 1 : 0;
}
int tail_target(int n)
{
	return n + 1;
}
int tail(int n);
void jumper(jmp_buf b)
{
	longjmp(b, 1);
}
}
