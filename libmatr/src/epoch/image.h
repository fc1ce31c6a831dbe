/* image.h - the phase of an epoch that compiles its image. */
#ifndef MATR_EPOCH_IMAGE_H
#define MATR_EPOCH_IMAGE_H

#include "epoch/epoch.h"

/* Do one step of EPOCH_IMAGE. Sets epoch->phase at the end of the phase. */
int epoch_image_step(struct matr_epoch *epoch, struct matr_error *err);

/* Write the image to `path` and check it. Writes nothing if the epoch goes on with an earlier
 * image. */
int epoch_image_write(struct matr_epoch *epoch, const char *path, struct matr_error *err);

#endif
