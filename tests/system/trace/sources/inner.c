#include <time.h>
long inside_inner, inside_outer;
long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}
void inner(long ns)
{
	long start = now(), end;
	while ((end = now()) - start < ns)
		continue;
	__atomic_add_fetch(&inside_inner, end - start, __ATOMIC_RELAXED);
}
