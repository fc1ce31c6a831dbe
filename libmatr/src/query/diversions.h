/* diversions.h - the paths of matr/diversions.h, one by one. */
#ifndef MATR_QUERY_DIVERSIONS_H
#define MATR_QUERY_DIVERSIONS_H

#include <stddef.h>

struct matr_diversions;

/* Get the i-th path that is diverted. Returns NULL if there are not so many. */
const char *diversions_from(const struct matr_diversions *diversions, size_t i);

#endif
