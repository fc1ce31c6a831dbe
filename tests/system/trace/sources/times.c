#include <pthread.h>
#include <stdio.h>
extern long now(void), inside_inner, inside_outer, around_inner;
extern void outer(long);
static long around_outer;
static void *work(void *none)
{
	for (int i = 0; i < 50; i++) {
		long start = now();
		outer(100000 + i * 10000);
		__atomic_add_fetch(&around_outer, now() - start, __ATOMIC_RELAXED);
	}
	return none;
}
int main(void)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("%ld %ld %ld %ld\n", inside_inner, around_inner, inside_outer, around_outer);
	return 0;
}
