/* measure.h - what starting a program costs: the loader's time, the whole run, memory.
 *
 * program: an argument vector whose first element is the path of an ELF file. It runs with
 * /dev/null as standard input, output and error.
 */
#ifndef MATR_TOOLS_COMMON_MEASURE_H
#define MATR_TOOLS_COMMON_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

struct measured_load {	   /* nanoseconds after the exec; -1: no such point */
	int64_t relocated; /* everything is, and no constructor has run */
	int64_t entry, main;
};

/* Start the program up to main() (its entry point, where it has no symbol `main`), under ptrace. */
int measure_load(char *const program[], struct measured_load *time, struct matr_error *err);

/* Start the program up to its entry point with an environment variable, and hear what is written to
 * standard error until then: out receives it, as a string of up to size - 1 bytes. */
int measure_heard(char *const program[], const char *name, const char *value, char *out,
		  size_t size, struct matr_error *err);

/* Run the program to its end, untraced.
 * time: nanoseconds, from before the spawn. status: of waitpid(). */
int measure_whole(char *const program[], int64_t *time, int *status, struct matr_error *err);

struct measured_memory {
	long peak, dirty;   /* KiB: VmHWM, and private dirty memory at the exit; -1: unknown */
	long faults, calls; /* page faults and system calls since the exec */
	int status;	    /* of waitpid() */
};

/* Run the program to its end, under ptrace: ru_maxrss would count the caller's own pages, which the
 * child shares until it execs. */
int measure_memory(char *const program[], struct measured_memory *memory, struct matr_error *err);

struct measured_entry {
	long mappings, faults;
	long dirty, pss; /* KiB */
};

/* Start eight processes of the program, and look at one when all are stopped at their entry points:
 * memory is shared among them. */
int measure_entry(char *const program[], struct measured_entry *entry, struct matr_error *err);

#endif
