/* trace_format.h - what `matr trace` and the library of thunks share (tools/trace/runtime.c). */
#ifndef MATR_TOOLS_TRACE_TRACE_FORMAT_H
#define MATR_TOOLS_TRACE_TRACE_FORMAT_H

#include <stdint.h>

enum {
	TRACE_SLOTS = 2048, /* bindings that one run can trace; runtime.c has so many thunks */
	TRACE_PATH = 512,
};

enum trace_kind {
	TRACE_TIME,    /* count and time */
	TRACE_COUNT,   /* count only: what returns twice, or looks at who called it */
	TRACE_RESTORE, /* an unwinding begins: true return addresses first; counted */
};

#define TRACE_MAGIC                                                                                \
	UINT64_C(0x4543415254525441) /* in the library's data, and at the start of the results */

/* In the library's data: `matr` writes it to its private copy of the file. */
struct trace_config {
	uint64_t magic, magic_again;
	char path[TRACE_PATH]; /* of the results */
	uint8_t kinds[TRACE_SLOTS];
};

/* The results, one file that all processes of the run map. */
struct trace_slot {
	uint64_t calls, returns; /* of those that are timed */
	uint64_t total, self;	 /* ticks of the time stamp counter */
};

struct trace_results {
	uint64_t magic;
	uint64_t processes; /* that mapped it */
	uint64_t untimed;   /* calls for which there was no room to remember their return */
	uint64_t reserved;
	struct trace_slot slots[TRACE_SLOTS];
};

#endif
