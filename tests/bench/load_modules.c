/* load_modules.c - load the files of a list one by one, and tell the time that dlopen() took.
 *
 *	load now|lazy SUM LIST    SUM: of what all functions `run` return; "-": none
 *
 * Prints wall clock and processor time of all calls in nanoseconds, and the peak of RSS in KiB.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "process.h"

enum { MAX_FILES = 4096 };

int main(int argc, char **argv)
{
	static char lines[MAX_FILES][256];
	static void *handles[MAX_FILES];
	unsigned long sum = 0;
	int n = 0, flags;
	FILE *list;

	if (argc != 4 || !(list = fopen(argv[3], "r")))
		return 2;
	flags = strcmp(argv[1], "lazy") == 0 ? RTLD_LAZY : RTLD_NOW;
	while (n < MAX_FILES && fgets(lines[n], sizeof lines[n], list)) {
		lines[n][strcspn(lines[n], "\n")] = 0;
		n++;
	}
	fclose(list);
	long long wall = process_time(CLOCK_MONOTONIC),
		  cpu = process_time(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < n; i++)
		handles[i] = dlopen(lines[i], flags);
	cpu = process_time(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = process_time(CLOCK_MONOTONIC) - wall;
	bool have_sum = strcmp(argv[2], "-") != 0;
	for (int i = 0; i < n; i++) {
		unsigned long (*run)(void) =
			handles[i] ? (unsigned long (*)(void))dlsym(handles[i], "run") : NULL;
		if (handles[i] && !have_sum)
			continue;
		if (!run) {
			fprintf(stderr, "load: %s\n", dlerror());
			return 1;
		}
		sum += run();
	}
	printf("%lld %lld %ld\n", wall, cpu, process_peak());
	return have_sum && sum != strtoul(argv[2], NULL, 10);
}
