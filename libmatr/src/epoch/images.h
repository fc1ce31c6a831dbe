/* images.h - the images of a prefix: one file per epoch, and a symbolic link to that in force.
 *
 * The file of an epoch is PREFIX/epoch.ID.image, whatever comes after it, so that the processes
 * that map it never map a deleted file, and a core file names the pages it was made with.
 * epoch.image and ended.image are symbolic links to such files. A retired image, to which no link
 * leads, is removed when no process maps it.
 */
#ifndef MATR_EPOCH_IMAGES_H
#define MATR_EPOCH_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

/* Put the image written at `path` in force: it gets the epoch's name, then the link is replaced,
 * with one rename. Only while holding the lock. */
int images_put_in_force(const char *prefix, const char *path, int64_t epoch,
			struct matr_error *err);

/* Remove the retired images that no process maps. Only while holding the lock. Failures are
 * ignored: the next call tries again. *left (may be NULL) receives how many are still there. */
void images_sweep(const char *prefix, size_t *left);

/* Count the retired images, and the bytes that they hold of the disk. */
void images_retired(const char *prefix, size_t *n, uint64_t *bytes);

#endif
