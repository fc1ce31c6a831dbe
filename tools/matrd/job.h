/* job.h - beginning or ending an epoch, in a process of its own.
 *
 * It is `matr --no-daemon epoch ...`: the same code, locks and results as without matrd. What it
 * needs is given back when it is done, what kills it does not kill matrd, and matrd answers and
 * watches while it works.
 */
#ifndef MATR_TOOLS_MATRD_JOB_H
#define MATR_TOOLS_MATRD_JOB_H

#include <json-c/json.h>
#include <stdbool.h>
#include <sys/types.h>

struct job {
	pid_t pid;		      /* 0: none */
	int output, errors, progress; /* to read from; -1: closed */
	char what[64];		      /* the last progress */
	long done, all;
	char line[256]; /* of progress, in the making */
	size_t length;
};

/* Make matr's command line for a begin or end request. The list is the caller's, free(); its
 * strings belong to the parameters, and one is in `jobs`. Returns NULL if the request is malformed;
 * *reason is then the fault. */
const char **job_arguments(struct json_object *request, const char *matr, const char *prefix,
			   char jobs[16], const char **reason);

int job_start(struct job *job, const char *const *arguments); /* -1: errno */
/* Read the job's progress messages. */
void job_read_progress(struct job *job);
void job_stop(struct job *job);
/* Its exit status (128 + signal), once all has been read; -1: it runs. */
int job_finished(struct job *job);

#endif
