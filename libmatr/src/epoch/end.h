/* end.h - ending an epoch that is in force. */
#ifndef MATR_EPOCH_END_H
#define MATR_EPOCH_END_H

#include <matr/error.h>

/* Take the image out of force by one rename, which ends the epoch. The caller holds the prefix's
 * lock. Returns 1 if done, 0 if there is no image, -1 on error. */
int epoch_end_locked(const char *canonical, struct matr_error *err);

#endif
