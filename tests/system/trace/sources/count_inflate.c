#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static long n;
int inflate(void *s, int f)
{
	static int (*real)(void *, int);
	if (!real)
		real = (int (*)(void *, int))dlsym(RTLD_NEXT, "inflate");
	n++;
	return real(s, f);
}
__attribute__((destructor)) static void say(void)
{
	char b[64];
	int l = snprintf(b, sizeof b, "%ld\n", n);
	(void)!write(9, b, l);
}
