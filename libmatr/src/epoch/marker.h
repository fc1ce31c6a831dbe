/* epoch_suspend.h - what beginning and ending an epoch have to do with its suspension. */
#ifndef MATR_EPOCH_SUSPEND_H
#define MATR_EPOCH_SUSPEND_H

#include <matr/epoch.h>

/* Whoever begins or ends an epoch has decided: nothing is to be resumed. */
int epoch_forget_suspension(const char *prefix, struct matr_error *err);

/* Note which programs were named when the epoch began; results NULL: none, it is the whole system's. */
int epoch_keep_programs(const char *prefix, const struct matr_epoch_result *results, size_t n,
			struct matr_error *err);

/* Take the image out of force, with the prefix's lock: the one rename by which every epoch ends. 1: done; 0: there is
 * none; -1. */
int epoch_end_locked(const char *canonical, struct matr_error *err);

#endif
