/* builder.h - compiling mappings into an epoch image, in memory, and writing it. */
#ifndef MATR_IMAGE_BUILDER_H
#define MATR_IMAGE_BUILDER_H

#include <matr/image.h>
#include <matr/mapping.h>

struct image_builder;

/* Start an image. epoch: the store's id. cpu_level: session_cpu_level(). applications: how many are expected; more or fewer
 * may come. *out belongs to the caller: image_builder_close(). */
int image_builder_open(uint64_t epoch, const char *cpu_level, size_t applications,
		       struct image_builder **out, struct matr_error *err);
void image_builder_close(struct image_builder *builder);

/* Make the image for copies of this file tree as well: nothing in it depends on inodes and times. An application with an
 * object without build-id is declined then. To be called before anything is added. */
void image_builder_portable(struct image_builder *builder);

/* Record the /etc/ld.so.preload that the epoch was resolved with (session_preload()). Without a call: none. */
void image_builder_preload(struct image_builder *builder, const struct matr_file_id *file);

/* Add an application and its closures. Closures that MatR declines get a reason. The mappings are not needed afterwards.
 * summary may be NULL. UNSUPPORTED: MatR declines the application, and the image is as before. */
int image_builder_add(struct image_builder *builder, const struct matr_mapping *mapping,
		      struct matr_closure *closures, size_t n_closures,
		      struct matr_image_summary *summary, struct matr_error *err);

/* Write to a temporary name beside `path`, fsync, rename to `path`, fsync the directory. On failure nothing of it is left
 * and an image that was there is untouched. *size (may be NULL): bytes. */
int image_builder_write(struct image_builder *builder, const char *path, uint64_t *size,
			struct matr_error *err);

#endif
