/* edit_scopes.h - which edits concern which programs of an epoch. */
#ifndef MATR_EPOCH_EDIT_SCOPES_H
#define MATR_EPOCH_EDIT_SCOPES_H

#include "epoch/epoch.h"

/* Find the programs that each edit concerns, and make their scopes again with the edits'
 * libraries. */
int epoch_edit_scopes(struct matr_epoch *epoch, struct matr_error *err);

#endif
