/* loads.h - libraries that programs load with dlopen() according to the configuration. */
#ifndef MATR_EPOCH_LOADS_H
#define MATR_EPOCH_LOADS_H

#include "epoch/epoch.h"

/* Add the configured loads of all results to the recordings. */
int epoch_add_configured_loads(struct matr_epoch *epoch, struct matr_error *err);

#endif
