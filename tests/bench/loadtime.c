/* loadtime.c - how long an unmodified program spends in its dynamic loader (common/measure.h).
 *
 *	loadtime [--env NAME=VALUE]... [--runs N] [--cpu N] -- PROGRAM ARGS...
 *	loadtime --serve ... -- PROGRAM ARGS...
 *
 * The first form prints medians. With --serve it is a worker that answers one line per command line
 * on its standard input, so that a coordinator can let several workers (in different mount
 * namespaces) take turns:
 *
 *	load     measure the loader once:  load RELOCATED_NS ENTRY_NS MAIN_NS   (-1: no such point)
 *	whole    exec to exit, untraced:   whole NS STATUS
 *	memory   one whole traced run:     memory PEAK_KB PRIVATE_DIRTY_KB FAULTS CALLS STATUS
 *	entry    eight stopped at the entry, what one of them has:
 *	                                   entry MAPPINGS FAULTS PRIVATE_DIRTY_KB PSS_KB
 *
 * FAULTS are page faults, CALLS system calls, both since the exec.
 *
 * An error is answered with "error TEXT".
 */
#include "common/measure.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RUNS = 100000 };

static void answer(const char *command, char *const program[])
{
	struct matr_error err = {0};
	int result = 0;
	if (strcmp(command, "load") == 0) {
		struct measured_load time;
		if ((result = measure_load(program, &time, &err)) == 0)
			printf("load %lld %lld %lld\n", (long long)time.relocated,
			       (long long)time.entry, (long long)time.main);
	} else if (strcmp(command, "whole") == 0) {
		int64_t time;
		int status;
		if ((result = measure_whole(program, &time, &status, &err)) == 0)
			printf("whole %lld %d\n", (long long)time, status);
	} else if (strcmp(command, "memory") == 0) {
		struct measured_memory memory;
		if ((result = measure_memory(program, &memory, &err)) == 0)
			printf("memory %ld %ld %ld %ld %d\n", memory.peak, memory.dirty,
			       memory.faults, memory.calls, memory.status);
	} else if (strcmp(command, "entry") == 0) {
		struct measured_entry entry;
		if ((result = measure_entry(program, &entry, &err)) == 0)
			printf("entry %ld %ld %ld %ld\n", entry.mappings, entry.faults, entry.dirty,
			       entry.pss);
	} else {
		result = matr_fail(&err, MATR_ERROR_USAGE, command, "no such command");
	}
	if (result < 0)
		printf("error %s%s%s\n", err.file, err.file[0] ? ": " : "", err.message);
}

static int serve(char *const program[])
{
	char line[64];
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		answer(line, program);
		fflush(stdout);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static double median_us(int64_t *times, int n)
{
	qsort(times, (size_t)n, sizeof times[0], compare);
	int64_t middle = n % 2 != 0 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
	return middle < 0 ? -1.0 : (double)middle / 1000.0;
}

static int report(char *const program[], int runs)
{
	struct matr_error err = {0};
	enum { RELOCATED, ENTRY, MAIN, WHOLE, KINDS };
	static const char *const names[KINDS] = {"relocated", "entry", "main", "exit"};
	int64_t *times[KINDS];
	for (int kind = 0; kind < KINDS; kind++) {
		times[kind] = calloc((size_t)runs, sizeof(int64_t));
		if (times[kind] == NULL) {
			fprintf(stderr, "loadtime: out of memory\n");
			return 1;
		}
	}
	for (int i = 0; i < runs; i++) {
		struct measured_load load;
		int status;
		if (measure_load(program, &load, &err) < 0 ||
		    measure_whole(program, &times[WHOLE][i], &status, &err) < 0) {
			fprintf(stderr, "loadtime: %s: %s\n", err.file, err.message);
			return 1;
		}
		times[RELOCATED][i] = load.relocated;
		times[ENTRY][i] = load.entry;
		times[MAIN][i] = load.main;
	}
	for (int kind = 0; kind < KINDS; kind++) {
		printf("%s_us %.1f\n", names[kind], median_us(times[kind], runs));
		free(times[kind]);
	}
	return 0;
}

static int usage(void)
{
	fputs("usage: loadtime [--serve] [--runs N] [--cpu N] [--env NAME=VALUE]... -- PROGRAM "
	      "ARGS...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	bool serving = false;
	long runs = 25, cpu = -1;
	int i = 1;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--serve") == 0)
			serving = true;
		else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			runs = strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--cpu") == 0 && i + 1 < argc)
			cpu = strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--env") == 0 && i + 1 < argc)
			putenv(argv[++i]);
		else
			return usage();
	}
	if (i + 1 >= argc || runs < 1 || runs > MAX_RUNS)
		return usage();
	char **program = &argv[i + 1];
	if (cpu >= 0) { /* tracer and tracee share a core: no wake-up across cores is measured */
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
		if (sched_setaffinity(0, sizeof set, &set) < 0) {
			fprintf(stderr, "loadtime: --cpu %ld: %s\n", cpu, strerror(errno));
			return 1;
		}
	}
	return serving ? serve(program) : report(program, (int)runs);
}
