/* source.h - the image of an earlier epoch, as a source for the next one. */
#ifndef MATR_IMAGE_SOURCE_H
#define MATR_IMAGE_SOURCE_H

#include <stdint.h>

#include <matr/mapping.h>

#include "image/builder.h"

struct image_source;

/* The image at `path`, if it is sound and compiled for that epoch. 1 and *out, which is to be closed; 0: not of use; -1. */
int image_source_open(const char *path, int64_t epoch, struct image_source **out,
		      struct matr_error *err);
void image_source_close(struct image_source *source); /* NULL is allowed */

/* How many applications it has. */
size_t image_source_applications(const struct image_source *source);

/* Take over an application (canonical path), whose mapping has not changed, with the directories' times as they are
 * now, one for each that its mapping has. What comes out is what compiling the mapping again would give. 1: done; 0: it
 * has to be compiled; -1: error. */
int image_source_copy(struct image_source *source, struct image_builder *builder, const char *path,
		      const struct matr_directory *directories, size_t n,
		      struct matr_image_summary *summary, struct matr_error *err);

#endif
