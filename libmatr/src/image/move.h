/* move.h - an application of an image whose file is another now. */
#ifndef MATR_IMAGE_MOVE_H
#define MATR_IMAGE_MOVE_H

#include <stdint.h>

#include <matr/error.h>
#include <matr/file_id.h>

/* Copy the image at `path` to `next`, with the entries of an application (canonical path) moved to
 * the file `to`. Nothing else differs. The caller has the prefix's lock, and has made sure that the
 * file is the same program.
 * Returns 1 if an image has been written, 0 if there is nothing to do, -1 on error. There is
 * nothing to do if no entry is the application's, or if `to` is recorded already. The same holds
 * for a portable image, where files are known by content.
 * Errors: MALFORMED, NOT_FOUND (no image), SYSTEM, RESOURCES. */
int image_move(const char *path, const char *application, const struct matr_file_id *to,
	       const char *next, struct matr_error *err);

#endif
