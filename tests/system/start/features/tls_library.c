/* tls_library.c - thread-local variables in a library, in the model that the command line
 * chooses. */
#ifndef SIZE
#define SIZE 16
#endif

__thread char tls_block[SIZE] = {1};
__thread int *tls_pointer; /* its own address: an object of the thread's own */
static __thread long tls_static = 1000;

long tls_next(void);
long tls_next(void)
{
	tls_pointer = (int *)tls_block;
	tls_block[SIZE - 1]++;
	return ++tls_static + tls_block[0] + tls_block[SIZE - 1];
}
