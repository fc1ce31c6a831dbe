/* program.c - what tests/system/start/limits.sh starts: pointers and calls into two libraries, then
 * steps.
 *
 *	load FILE	dlopen(), call its go()
 *	take LOW HIGH	map what is free of the range, without access
 *	crash		abort()
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef NAME
#define NAME "program"
#endif

const char name[] = NAME; /* no two programs are the same file */
extern int one_value, two_value;
int one(int n);
int two(int n);
int (*const functions[])(int) = {one, two};
int *values[] = {&one_value, &two_value};

static void load(const char *file)
{
	void *handle = dlopen(file, RTLD_NOW);
	int (*go)(void) = handle ? (int (*)(void))dlsym(handle, "go") : NULL;

	if (go)
		printf("go %d\n", go());
	else
		printf("not loaded: %s\n", dlerror());
}

/* By pages: what is taken stays as it is. */
static void take(unsigned long low, unsigned long high)
{
	const size_t piece = 4096;

	for (unsigned long at = low; at < high; at += piece) {
		void *got = mmap((void *)at, piece, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (got != MAP_FAILED && got != (void *)at)
			munmap(got, piece);
	}
}

int main(int argc, char **argv)
{
	for (int i = 0; i < 2; i++)
		printf("%d %d\n", functions[i](i + 1), *values[i]);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "load") == 0 && i + 1 < argc) {
			load(argv[++i]);
		} else if (strcmp(argv[i], "take") == 0 && i + 2 < argc) {
			take(strtoul(argv[i + 1], NULL, 0), strtoul(argv[i + 2], NULL, 0));
			i += 2;
		} else if (strcmp(argv[i], "crash") == 0) {
			fflush(stdout);
			abort();
		} else {
			printf("argument %s\n", argv[i]);
		}
	}
	return 7;
}
