/* baseline.h - what the parts of matr/baseline.h share. */
#ifndef MATR_BASELINE_PRIVATE_H
#define MATR_BASELINE_PRIVATE_H

#include <matr/baseline.h>

/* For qsort(): the key, then the provider. */
int baseline_compare_bindings(const void *left, const void *right);
int baseline_compare_programs(const void *left, const void *right);
/* The start first, then by root. */
int baseline_compare_blocks(const void *left, const void *right);

#endif
