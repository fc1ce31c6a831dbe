/* time_dlopen.c - an object for /etc/ld.so.preload: how long dlopen() takes in a program.
 *
 * Adds a line to the file that DLOPEN_TIMES names when the program ends: wall clock and the calling
 * threads' processor time of all outermost dlopen() calls in nanoseconds, how many of them loaded
 * something, and the peak of RSS in KiB. ld.so reads /etc/ld.so.preload with and without MatR.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "process.h"

static _Thread_local int depth;
static long long wall, cpu;
static long loads;

static int count(struct dl_phdr_info *info, size_t size, void *adds)
{
	(void)size;
	*(unsigned long long *)adds = info->dlpi_adds;
	return 1;
}

static unsigned long long objects_ever(void)
{
	unsigned long long adds = 0;

	dl_iterate_phdr(count, &adds);
	return adds;
}

void *dlopen(const char *file, int flags)
{
	static void *(*next)(const char *, int);

	if (!next)
		next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	unsigned long long objects = objects_ever();
	depth++;
	long long before = process_time(CLOCK_MONOTONIC),
		  used = process_time(CLOCK_THREAD_CPUTIME_ID);
	void *handle = next(file, flags);
	used = process_time(CLOCK_THREAD_CPUTIME_ID) - used;
	before = process_time(CLOCK_MONOTONIC) - before;
	if (--depth == 0) {
		__atomic_add_fetch(&cpu, used, __ATOMIC_RELAXED);
		__atomic_add_fetch(&wall, before, __ATOMIC_RELAXED);
		__atomic_add_fetch(&loads, objects_ever() != objects, __ATOMIC_RELAXED);
	}
	return handle;
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("DLOPEN_TIMES");
	FILE *to = path && loads ? fopen(path, "a") : NULL;

	if (!to)
		return;
	fprintf(to, "%lld %lld %ld %ld\n", wall, cpu, loads, process_peak());
	fclose(to);
}
