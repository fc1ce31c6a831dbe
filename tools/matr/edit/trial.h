/* trial.h - edits are tried before they are in force. */
#ifndef MATR_TOOLS_EDIT_TRIAL_H
#define MATR_TOOLS_EDIT_TRIAL_H

#include "matr/edit/rebind.h"

/* Start the edited programs up to main(), with the epoch that the edits would be in force with. Fails if
 * one dies that does not without the edits, or if its allocator would be torn apart; the message says
 * so. Programs that could not be tried get a warning. */
int trial_of_edits(const struct rebind *request, struct matr_epoch *epoch, struct matr_error *err);

#endif
