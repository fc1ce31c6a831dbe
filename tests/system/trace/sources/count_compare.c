/* Counts the comparisons of qsort by itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
static long n;
int compare(const void *a, const void *b)
{
	static int (*real)(const void *, const void *);
	if (!real)
		real = (int (*)(const void *, const void *))dlsym(RTLD_NEXT, "compare");
	n++;
	return real(a, b);
}
__attribute__((destructor)) static void say(void)
{
	fprintf(stderr, "%ld 0\n", n);
}
