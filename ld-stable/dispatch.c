/* dispatch.c - a call of ld.so, on its way to who answers it.
 *
 * Before ld.so sets its thread id, the start is under way: serve.c answers, or under `matr verify`
 * verify.c. That call is the last before ld.so relocates, and hook() completes the application.
 * Later calls are for what the application loads: closure.c, and record.c for
 * what that leaves to ld.so.
 */
#include "ld_stable.h"
#include "sites.h"

volatile unsigned char sites_armed;

/* Of the process. Zero until the start is found to be a mapped one. */
static struct served served_process;

void dispatch_start(const struct served *served)
{
	served_process = *served;
	served_process.in_start = true;
	sites_armed = 1;
}

void dispatch_auxv(const struct start *start)
{
	served_process.start = *start;
}

void dispatch_end(void)
{
	sites_armed = 0;
}

static void hook_with_vectors_saved(void *served)
{
	hook(served);
}

/* ld.so sets its thread id once, when everything is mapped. */
static void started(struct served *served)
{
	if (served->cpu_fd >= 0)
		cpu_record_report(served, served->cpu_fd);
	if (served->plain)
		cpu_record_give_back(served);
	else if (served->verify_fd < 0)
		with_vectors_saved(hook_with_vectors_saved, served);
	served->in_start = false;
	if (record_is_wanted())
		served->closures = NULL; /* so that ld.so's own calls are seen */
	if (!served->closures && !record_is_on())
		dispatch_end();
}

long site_call(const struct site_call *call)
{
	struct served *served = &served_process;
	long result;

	if (!served->in_start) {
		result = closure_call(served, call);
		return record_is_on() ? record_call(served, call, result) : result;
	}
	if (call->number == CALL_SET_TID_ADDRESS) {
		started(served);
		return SITE_REAL_CALL;
	}
	if (served->cpu_fd >= 0 || served->plain)
		return SITE_REAL_CALL;
	if (served->verify_fd >= 0)
		return verify_call(served, call);
	result = serve_call(served, call);
	served->n_answered += result != SITE_REAL_CALL;
	return result;
}
