/* threads.c - threads, their thread-local variables and thread-specific destructors. The library
 * and the program use one TLS variable in several models. */
#include <pthread.h>
#include <stdio.h>

extern __thread int *tls_pointer;
extern long tls_next(void);
static __thread int local = 7;
__thread int exported = 9;

static pthread_key_t key;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int destroyed, made;

static void destroy(void *value)
{
	pthread_mutex_lock(&mutex);
	destroyed += *(int *)value;
	pthread_mutex_unlock(&mutex);
}

static void make(void)
{
	made++;
	pthread_key_create(&key, destroy);
}

static void *thread(void *argument)
{
	long sum = 0;
	pthread_once(&once, make);
	for (long i = 0; i < (long)argument; i++)
		sum += tls_next() + local++ + exported++;
	pthread_setspecific(key, &made);
	return (void *)(sum + (tls_pointer == NULL));
}

int main(void)
{
	pthread_t threads[16];
	for (long i = 0; i < 16; i++)
		pthread_create(&threads[i], NULL, thread, (void *)(i + 1));
	for (long i = 0; i < 16; i++) {
		void *result;
		pthread_join(threads[i], &result);
		printf("thread %ld: %ld\n", i, (long)result);
	}
	printf("once %d, destroyed %d, main %ld %d\n", made, destroyed, tls_next(), local);
	return 0;
}
