/* trial.h - edits are tried before they are in force. */
#ifndef MATR_TOOLS_EDIT_TRIAL_H
#define MATR_TOOLS_EDIT_TRIAL_H

#include "matr/edit/rebind.h"

/* Start the edited programs up to main(), with the epoch that the edits would be in force with.
 * ids: only programs with one of these edits, n of them; NULL: with any. Fails if a program dies
 * that does not without the edits, or if its allocator would be torn apart. The message has the
 * reason, and *blamed (may be NULL) receives the edits of that program, *n_blamed of them, free().
 * Programs that could not be tried get a warning. */
int trial_of_edits(struct matr_epoch *epoch, const int64_t *ids, size_t n, int64_t **blamed,
		   size_t *n_blamed, struct matr_error *err);

#endif
