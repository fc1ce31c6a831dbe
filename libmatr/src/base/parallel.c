/* parallel.c - fork and join with POSIX threads.
 *
 * Threads are started for each run. That costs some 20 us each, next to work of milliseconds, and
 * leaves no threads behind that would have to be stopped.
 */
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum { MAX_JOBS = 256 };

struct run {
	void (*work)(void *context, size_t i);
	void *context;
	size_t n;
	atomic_size_t next;
};

static void *take_turns(void *argument)
{
	struct run *run = argument;
	size_t i;

	while ((i = atomic_fetch_add(&run->next, 1)) < run->n)
		run->work(run->context, i);
	return NULL;
}

/* The number of cores this process may use. */
static unsigned count_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n < 1 ? 1 : (unsigned)n;
}

void parallel_run(unsigned jobs, size_t n, void (*work)(void *context, size_t i), void *context)
{
	struct run run = {.work = work, .context = context, .n = n};
	pthread_t threads[MAX_JOBS];
	unsigned started = 0;
	sigset_t all, before;

	if (jobs == 0)
		jobs = count_cores();
	if (jobs > MAX_JOBS)
		jobs = MAX_JOBS;
	/* Signals are the caller's thread's affair. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started + 1 < jobs && started + 1 < n &&
	       pthread_create(&threads[started], NULL, take_turns, &run) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	take_turns(&run);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}
