/* edits.h - the edits (matr/edit.h) of an epoch that is being begun. */
#ifndef MATR_EPOCH_EDITS_H
#define MATR_EPOCH_EDITS_H

#include "epoch/work.h"

/* Read the store's edits. */
int epoch_edits_read(struct matr_epoch *epoch, struct matr_error *err);

/* Get the reason why the edit is left out of this epoch; NULL if it is not. */
const char *epoch_left_out(const struct matr_epoch *epoch, const struct matr_edit *edit);

/* Returns 1 if the edits are those of the epoch before, 0 if not, -1 on error. */
int epoch_edits_unchanged(struct matr_epoch *epoch, struct matr_error *err);

/* Returns 1 if the recorded application has the same edits, 0 if not, -1 on error. */
int epoch_same_edits(struct matr_epoch *epoch, const struct epoch_work *work, int64_t application,
		     struct matr_error *err);

/* Resolve the program again without the edits that were refused, which go on record. One thread at
 * a time. */
int epoch_edit_again(struct matr_epoch *epoch, size_t i, struct matr_error *err);

/* Record what was edited in the application. */
int epoch_put_edits(struct matr_epoch *epoch, const struct epoch_work *work, int64_t application,
		    struct matr_error *err);

/* Record the state of each edit, once all programs are done. */
int epoch_edits_finish(struct matr_epoch *epoch, struct matr_error *err);

#endif
