/* parallel.h - the same work on many things, on several cores. */
#ifndef MATR_BASE_PARALLEL_H
#define MATR_BASE_PARALLEL_H

#include <stddef.h>

/* Call work(context, i) for every i below n, from up to `jobs` threads (0: as many as there are
 * cores), and return when all are done. The caller's thread works too; where no other can be
 * started, alone. In which order is not said: work that can fail leaves its error with item i. */
void parallel_run(unsigned jobs, size_t n, void (*work)(void *context, size_t i), void *context);

#endif
