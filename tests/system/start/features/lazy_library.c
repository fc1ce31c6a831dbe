/* lazy_library.c - calls a function that no object defines. */
extern int defined_nowhere(int n);
int lazy_call(int n);

int lazy_call(int n)
{
	return n == 0 ? 0 : defined_nowhere(n);
}
