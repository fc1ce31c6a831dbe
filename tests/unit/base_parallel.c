/* base_parallel.c - every item is worked on once, by as many threads as may be had. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include <check.h>

#include "base/parallel.h"
#include "unit.h"

enum { N = 5000 };

struct count {
	atomic_int times[N];
	atomic_int
		with_signals; /* items worked on with SIGTERM open, outside the caller's thread */
	pthread_t caller;
};

static struct count count;

static void work(void *context, size_t i)
{
	struct count *all = context;
	sigset_t blocked;

	atomic_fetch_add(&all->times[i], 1);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (!pthread_equal(pthread_self(), all->caller) && !sigismember(&blocked, SIGTERM))
		atomic_fetch_add(&all->with_signals, 1);
}

static void check_all(unsigned jobs, size_t n)
{
	count = (struct count){.caller = pthread_self()};
	parallel_run(jobs, n, work, &count);
	for (size_t i = 0; i < N; i++)
		ck_assert_int_eq(atomic_load(&count.times[i]), i < n);
	ck_assert_int_eq(atomic_load(&count.with_signals), 0);
}

START_TEST(does_everything_once)
{
	static const unsigned jobs[] = {0, 1, 2, 7, 1000};
	sigset_t after;

	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
		check_all(jobs[i], N);
		check_all(jobs[i], 3);
		check_all(jobs[i], 1);
		check_all(jobs[i], 0);
	}
	/* The caller's signals are as they were. */
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	ck_assert(!sigismember(&after, SIGTERM));
}
END_TEST

/* If no thread can be started, the caller does the work. Root has no limit of processes. */
START_TEST(needs_no_thread)
{
	struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};

	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	check_all(4, N);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("parallel");

	tcase_add_test(tests, does_everything_once);
	tcase_add_test(tests, needs_no_thread);
	return unit_run(tests, "parallel");
}
