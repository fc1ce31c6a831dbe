/* process.h - what a process can tell of its own time and memory. */
#ifndef MATR_BENCH_PROCESS_H
#define MATR_BENCH_PROCESS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Nanoseconds. */
static inline long long process_time(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* The peak of RSS in KiB. ru_maxrss may be that of the parent, from before execve(). */
static inline long process_peak(void)
{
	char line[256];
	long kilobytes = 0;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof line, status)) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kilobytes = strtol(line + 6, NULL, 10);
	}
	if (status)
		fclose(status);
	return kilobytes;
}

#endif
