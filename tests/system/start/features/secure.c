/* secure.c - for a setuid program: whether the kernel and glibc treat it as one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

extern const char *where(void);

int main(void)
{
	printf("%s AT_SECURE %lu uid %d euid %d\n", where(), getauxval(AT_SECURE), (int)getuid(),
	       (int)geteuid());
	printf("preload %s\n", getenv("LD_PRELOAD") != NULL ? "kept" : "dropped");
	return 0;
}
