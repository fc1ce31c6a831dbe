/* withdraw.h - taking applications out of an image that is in force. */
#ifndef MATR_IMAGE_WITHDRAW_H
#define MATR_IMAGE_WITHDRAW_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

/* Take applications (canonical paths) out of the image at `path` in place: they start plainly from
 * then on, whatever the image's size. Processes that run are not affected. epoch: the one whose
 * image it has to be. To be called with the prefix's lock. *removed (may be NULL): how many entries
 * were there. Errors: NOT_FOUND, STATE (another epoch's image), MALFORMED, SYSTEM, RESOURCES. */
int image_withdraw(const char *path, uint64_t epoch, const char *const *applications, size_t n,
		   size_t *removed, struct matr_error *err);

#endif
