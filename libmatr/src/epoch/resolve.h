/* resolve.h - the phases of an epoch from a list of programs to their records in the store. */
#ifndef MATR_EPOCH_RESOLVE_H
#define MATR_EPOCH_RESOLVE_H

#include "epoch/epoch.h"

/* Do one step of EPOCH_SCOPES to EPOCH_RECORD. Sets epoch->phase at the end of a phase. */
int epoch_resolve_step(struct matr_epoch *epoch, struct matr_error *err);

/* Free what the phases keep in the epoch. NULL members are allowed. */
void epoch_resolve_free(struct matr_epoch *epoch);

#endif
