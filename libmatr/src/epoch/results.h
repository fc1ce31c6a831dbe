/* results.h - the programs of an epoch that is being begun, and why some are declined. */
#ifndef MATR_EPOCH_RESULTS_H
#define MATR_EPOCH_RESULTS_H

#include "epoch/epoch.h"

/* Add a program, unless it is there already. */
int epoch_add_result(struct matr_epoch *epoch, const char *path, struct matr_error *err);

/* Find a program by its path. The results must be sorted by path, as a scan adds them. NULL: there
 * is none. */
struct matr_epoch_result *epoch_find_result(const struct matr_epoch *epoch, const char *path);

/* Decline a program that was added, and record the reason. */
int epoch_decline(struct matr_epoch *epoch, struct matr_epoch_result *result,
		  const struct matr_error *why, struct matr_error *err);

/* Format the reason as one line. It starts with the file in question, unless that is the
 * program. */
void epoch_describe(const struct matr_error *why, const char *program, char *out, size_t size);

#endif
