/* open_store.h - the store, for commands that only read it. */
#ifndef MATR_TOOLS_COMMON_OPEN_STORE_H
#define MATR_TOOLS_COMMON_OPEN_STORE_H

#include <matr/store.h>

/* Open the prefix's store to read. If this user may not, matrd is asked for a copy, if it runs.
 * *err is then matrd's, and DENIED if it does not run. Other errors: those of matr_store_open(). */
int open_store(const char *prefix, struct matr_store **out, struct matr_error *err);

#endif
