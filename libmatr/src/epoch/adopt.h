/* adopt.h - files that were touched or replaced, and have the same content. */
#ifndef MATR_EPOCH_ADOPT_H
#define MATR_EPOCH_ADOPT_H

#include "epoch/epoch.h"

/* Compute the checksum of the bytes. False: it cannot be read, or is no longer the file `id`.
 * May run in several threads. */
bool epoch_file_content(const char *path, const struct matr_file_id *id, uint64_t *content);

/* Compare the files of objects of the epoch before by content where their identity is another one,
 * or so young that a change need not show in it. Where the content is equal, the object is given
 * the file's identity, in the store and in memory, and current[i] is set: it need not be read.
 * current: parallel to the objects, all false. */
int epoch_adopt(struct matr_epoch *epoch, struct matr_object *const *objects, size_t n,
		bool *current, struct matr_error *err);

#endif
