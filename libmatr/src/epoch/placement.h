/* placement.h - which layout a program gets in the epoch that begins. */
#ifndef MATR_EPOCH_PLACEMENT_H
#define MATR_EPOCH_PLACEMENT_H

#include <matr/config.h>

#include "inputs/outward.h"

/* As configured. `auto` is RANDOM for an outward program, and else left to its size. */
enum matr_layout epoch_layout(const struct matr_config *config, const struct outward *outward,
			      const char *application);

#endif
