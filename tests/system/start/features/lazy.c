/* lazy.c - runs unless the undefined function is called. */
#include <stdio.h>

extern int lazy_call(int n);

int main(int argc, char **argv)
{
	(void)argv;
	printf("%d\n", lazy_call(0));
	fflush(stdout);
	if (argc > 1)
		printf("%d\n", lazy_call(1));
	return 0;
}
