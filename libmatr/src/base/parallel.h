/* parallel.h - the same work on many things, on several cores. */
#ifndef MATR_BASE_PARALLEL_H
#define MATR_BASE_PARALLEL_H

#include <stddef.h>

/* Call work(context, i) for every i below n, from up to `jobs` threads (0: one per core), and
 * return when all are done. The caller's thread works too, alone if no other can be started. The
 * order is unspecified; work that can fail stores its error with item i. */
void parallel_run(unsigned jobs, size_t n, void (*work)(void *context, size_t i), void *context);

#endif
