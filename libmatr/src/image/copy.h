/* copy.h - an image in memory, to be changed and written under another name. */
#ifndef MATR_IMAGE_COPY_H
#define MATR_IMAGE_COPY_H

#include <stddef.h>
#include <sys/types.h>

#include <matr/error.h>

struct image_copy {
	unsigned char *bytes; /* the whole image; all but what is changed are the file's pages */
	size_t size;	      /* bytes */
	mode_t mode;	      /* permissions */
};

/* Check the image and map it to be changed. Only while holding the prefix's lock, so that it is the
 * same file that is checked and mapped.
 * Errors: those of matr_image_check(), SYSTEM. To be closed after success. */
int image_copy_open(const char *path, struct image_copy *out, struct matr_error *err);

/* Write the copy as it is now to `path`, with the permissions of the image. */
int image_copy_write(const struct image_copy *copy, const char *path, struct matr_error *err);

void image_copy_close(struct image_copy *copy);

#endif
