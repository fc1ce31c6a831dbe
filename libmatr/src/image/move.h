/* move.h - an application of an image whose file is another now. */
#ifndef MATR_IMAGE_MOVE_H
#define MATR_IMAGE_MOVE_H

#include <stdint.h>

#include <matr/error.h>
#include <matr/file_id.h>

/* Have the entries of an application (canonical path) be for the file `to`: write to `next` what
 * the image at `path` is with that, which differs in nothing else. The caller has the prefix's
 * lock, and has made sure that the file is the same program. Returns 1 if an image has been
 * written, 0 if there is nothing to do (no such entry, `to` is recorded already, or a portable
 * image, where files are known by content), -1 on error: MALFORMED, NOT_FOUND (no image),
 * SYSTEM, RESOURCES. */
int image_move(const char *path, const char *application, const struct matr_file_id *to,
	       const char *next, struct matr_error *err);

#endif
