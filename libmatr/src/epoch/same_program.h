/* same_program.h - a program that was enabled or disabled in mid-epoch is the same program. */
#ifndef MATR_SAME_PROGRAM_H
#define MATR_SAME_PROGRAM_H

#include <matr/store.h>

/* Test whether the file at `path` is an application of the epoch, with nothing changed except the
 * interpreter that it names (matr/enable.h). The file is not the recorded one any more.
 * Returns 1 if so, 0 if not or if there is a doubt, -1 on error of the store. */
int epoch_same_program(struct matr_store *store, int64_t epoch, const char *path,
		       const struct matr_file_id *recorded, struct matr_error *err);

#endif
