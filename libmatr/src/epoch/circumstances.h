/* circumstances.h - under which an epoch is begun: what has to be the same for it to build on another. */
#ifndef MATR_CIRCUMSTANCES_H
#define MATR_CIRCUMSTANCES_H

#include <stdbool.h>

#include <matr/error.h>

/* As text, free(): libmatr itself (its build-id), the CPU level, who asks, and which configuration. A resolver that
 * was corrected gives other answers for the same files; a user may read other files than root. NULL: no memory. */
char *circumstances(const char *cpu_level, const char *config_file, bool portable,
		    struct matr_error *err);

#endif
