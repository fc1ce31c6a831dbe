/* builder.h - compiling mappings into an epoch image, in memory, and writing it. */
#ifndef MATR_IMAGE_BUILDER_H
#define MATR_IMAGE_BUILDER_H

#include <matr/image.h>
#include <matr/mapping.h>

struct image_builder;
struct matr_image_cpu;

/* Start an image. epoch: the store's id. cpu_level: session_cpu_level(). applications: how many are
 * expected; more or fewer may come. *out belongs to the caller: image_builder_close(). */
int image_builder_open(uint64_t epoch, const char *cpu_level, size_t applications,
		       struct image_builder **out, struct matr_error *err);
void image_builder_close(struct image_builder *builder);

/* Make the image for copies of this file tree as well: nothing in it depends on inodes and times.
 * An application with an object without build-id is declined then. To be called before anything is
 * added. */
void image_builder_portable(struct image_builder *builder);

/* Record the /etc/ld.so.preload that the epoch was resolved with (session_preload()). Without a
 * call: none. */
void image_builder_preload(struct image_builder *builder, const struct matr_file_id *file);

/* Record the real ld.so at `path`, which the epoch is for. To be called once, before the image is
 * written. */
int image_builder_loader(struct image_builder *builder, const char *path, struct matr_error *err);

/* Set whether the loads of the applications that are added from now on are noted. Without a call:
 * no. */
void image_builder_record(struct image_builder *builder, bool record);

/* Set the layout of the applications that are added from now on. Without a call: AUTO. */
void image_builder_layout(struct image_builder *builder, enum matr_layout layout);

/* Give the image a CPU record (matr/image_format.h), its words behind it. To be called before
 * anything is added. */
int image_builder_cpu(struct image_builder *builder, const struct matr_image_cpu *cpu,
		      struct matr_error *err);

/* Enter another identity for a file of the image before, whose content is the same. To be called
 * before image_builder_reuse(). */
int image_builder_adopt(struct image_builder *builder, const struct matr_file_id *from,
			const struct matr_file_id *to, struct matr_error *err);

/* Begin with the image at `path`, which is to be that epoch's. To be called before anything is
 * added. Returns 1 if it is of use, 0 if not, -1 on error. */
int image_builder_reuse(struct image_builder *builder, const char *path, int64_t epoch,
			struct matr_error *err);

/* The CPU record of the image before; NULL: it has none. Valid until something is added. */
const struct matr_image_cpu *image_builder_cpu_before(const struct image_builder *builder);

/* Take over an application (canonical path) whose mapping has not changed, also if it was
 * withdrawn. file: the application's own, as it is now. Returns 1 if done, 0 if it has to be
 * compiled, -1 on error. */
int image_builder_keep(struct image_builder *builder, const char *application,
		       const struct matr_file_id *file, struct matr_image_summary *summary,
		       struct matr_error *err);

/* Add an application and its closures. Closures that MatR declines get a reason. The mappings are
 * not needed afterwards. summary may be NULL. UNSUPPORTED: MatR declines the application, and the
 * image is as before. */
int image_builder_add(struct image_builder *builder, const struct matr_mapping *mapping,
		      struct matr_closure *closures, size_t n_closures,
		      struct matr_image_summary *summary, struct matr_error *err);

/* Write to a temporary name beside `path`, fsync, rename to `path`, fsync the directory. On failure
 * nothing of it is left and an image that was there is untouched. *size (may be NULL): bytes. */
int image_builder_write(struct image_builder *builder, const char *path, uint64_t *size,
			struct matr_error *err);

#endif
