/* worker.h - a process that measures a program as one of the two dynamic linkers starts it. */
#ifndef MATR_TOOLS_BENCH_WORKER_H
#define MATR_TOOLS_BENCH_WORKER_H

#include <sys/types.h>

#include <matr/error.h>

#include "common/measure.h"

struct worker {
	pid_t pid; /* and process group: what it starts ends with it. 0: there is none */
	int fd;
};

struct worker_program {
	char *const *arguments; /* the first is the path */
	const char *interpreter;
	const char *prefix; /* whose epoch it starts with; NULL: with ld.so */
};

enum worker_question {
	WORKER_SAID,   /* ld-stable's report of a start */
	WORKER_LOAD,   /* the loader's time */
	WORKER_WHOLE,  /* a whole run */
	WORKER_MEMORY, /* memory of a whole run */
	WORKER_ENTRY,  /* memory at the entry point */
};

struct worker_answer {
	struct matr_error problem; /* code MATR_OK: there is none */
	char said[512];
	struct measured_load load;
	int64_t whole; /* nanoseconds */
	int status;    /* of waitpid(), of a whole run */
	struct measured_memory memory;
	struct measured_entry entry;
};

/* Run `work` in a child that the signals of a terminal do not reach, and that dies with this
 * process. fd: the child's end of a socket for messages (SOCK_SEQPACKET), whose other end is
 * out->fd. The child's exit status is work's result. *out: worker_stop(), also after an error. */
int worker_fork(int (*work)(const void *context, int fd), const void *context, struct worker *out,
		struct matr_error *err);

/* Start to measure a program. */
int worker_start(const struct worker_program *program, struct worker *out, struct matr_error *err);

/* Wait until the child has output, or has ended. signals: a signalfd. Returns 0, or the number of a
 * signal that came first. */
int worker_wait(const struct worker *worker, int signals);

/* Ask, and wait for the answer. Returns 0, the number of a signal that came first, or -1 on
 * error. */
int worker_ask(const struct worker *worker, enum worker_question question, int signals,
	       struct worker_answer *out, struct matr_error *err);

/* End the child and all that it has started. Returns the status of waitpid(). */
int worker_stop(struct worker *worker);

#endif
