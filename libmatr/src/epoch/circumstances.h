/* circumstances.h - conditions for an epoch to build on the one before. */
#ifndef MATR_CIRCUMSTANCES_H
#define MATR_CIRCUMSTANCES_H

#include <stdbool.h>

#include <matr/error.h>

/* Describe them as text: the build-id of libmatr, the CPU level, the user, the configuration file.
 * A corrected resolver gives other answers for the same files, and a user may read other files than
 * root. free(). NULL: no memory. */
char *epoch_circumstances(const char *cpu_level, const char *config_file, bool portable,
			  struct matr_error *err);

#endif
