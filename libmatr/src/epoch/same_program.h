/* same_program.h - a program that was enabled or disabled in mid-epoch is the same program. */
#ifndef MATR_SAME_PROGRAM_H
#define MATR_SAME_PROGRAM_H

#include <matr/store.h>

/* The file at `path`, which is not the recorded one any more: is it an application of the epoch,
 * and is all that has changed the interpreter that it names (matr/enable.h)? 1: yes; 0: no, or
 * there is a doubt; -1: error of the store. */
int epoch_same_program(struct matr_store *store, int64_t epoch, const char *path,
		       const struct matr_file_id *recorded, struct matr_error *err);

#endif
