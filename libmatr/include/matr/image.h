/* image.h - compiling mappings into an epoch image, checking one, and installing ld-stable.
 *
 * The format is in matr/image_format.h. The image is built in memory and written in one go.
 */
#ifndef MATR_IMAGE_H
#define MATR_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_build_id;
struct matr_closure;
struct matr_file_id;
struct matr_mapping;

struct matr_image_builder;

struct matr_image_summary { /* what became of one application */
	size_t objects;
	size_t untouched;	    /* objects left to ld.so entirely */
	size_t relocations;	    /* applied by the mapping, all objects */
	size_t relative;	    /* of these */
	size_t ifunc;		    /* of these */
	size_t copies;		    /* of these */
	size_t residual;	    /* left to ld.so */
	size_t new_bytes;	    /* the application added to the image (programs are shared) */
	size_t loaded;		    /* objects of all closures, each once */
	size_t closures;	    /* that are in the image */
	size_t closure_relocations; /* applied when each is loaded alone */
	size_t closure_residual;    /* left to ld.so, of them */
};

/* epoch: the store's id. cpu_level: session_cpu_level(). applications: how many are expected (more or
 * fewer may come). *out belongs to the caller. */
MATR_API int matr_image_builder_open(uint64_t epoch, const char *cpu_level, size_t applications,
				     struct matr_image_builder **out, struct matr_error *err);
MATR_API void matr_image_builder_close(struct matr_image_builder *builder);

/* Add an application, and what it loads: its closures, of which those that MatR declines get a reason. The mappings
 * are not needed afterwards. summary may be NULL. MATR_ERROR_UNSUPPORTED: MatR declines the application (it gets plain
 * starts); the builder is as before. */
MATR_API int matr_image_builder_add(struct matr_image_builder *builder,
				    const struct matr_mapping *mapping,
				    struct matr_closure *closures, size_t n_closures,
				    struct matr_image_summary *summary, struct matr_error *err);

/* The image is for copies of this file tree as well: nothing in it depends on inodes and times. To be said before anything
 * is added. An application with an object that has no build-id is declined then. */
MATR_API void matr_image_builder_portable(struct matr_image_builder *builder);

/* The epoch was resolved with this /etc/ld.so.preload (session_preload()); without a call: with none. */
MATR_API void matr_image_builder_preload(struct matr_image_builder *builder,
					 const struct matr_file_id *file);

/* Write to a temporary name beside `path`, fsync, rename to `path`, fsync the directory. On failure
 * nothing of it is left and an image that was there is untouched. *size (may be NULL): bytes. */
MATR_API int matr_image_builder_write(struct matr_image_builder *builder, const char *path,
				      uint64_t *size, struct matr_error *err);

struct matr_image_info {
	uint64_t epoch, size;
	uint32_t applications; /* that were not withdrawn */
	uint32_t cpu_level;
};

/* Check the image at `path`: ownership and mode as ld-stable wants them (MATR_ERROR_UNTRUSTED),
 * header, size, checksums of header, manifests and bulk, and every offset (MATR_ERROR_MALFORMED).
 * info may be NULL. */
MATR_API int matr_image_check(const char *path, struct matr_image_info *info,
			      struct matr_error *err);

/* Does the image hold a valid entry for the application? 1: yes, 0: no, -1: error. build_id may be
 * empty (size 0), then the path decides. */
MATR_API int matr_image_has(const char *path, const struct matr_build_id *build_id,
			    const char *application, struct matr_error *err);

/* Take applications (canonical paths) out of the image at `path`, which is to be that epoch's, in place:
 * the next start of these applications is a plain one, whatever the image's size; processes that run are not concerned.
 * *removed (may be NULL): how many entries went that were there. To be called with the prefix's lock
 * (matr_epoch_withdraw). Errors: NOT_FOUND, STATE (another epoch's), MALFORMED, SYSTEM, MEMORY. */
MATR_API int matr_image_withdraw(const char *path, uint64_t epoch, const char *const *applications,
				 size_t n, size_t *removed, struct matr_error *err);

/* Make PREFIX ready for the loader, three files, each replaced atomically and left alone where it is
 * already as it should be:
 *	ld-stable	the ld-stable at `source` with the prefix stamped in: what DT_NEEDED names, and what
 *			is started as `ld-stable PROGRAM`
 *	interpreter	the same, for the place of the dynamic linker (docs/start.md)
 *	ld.so		a copy of the real dynamic linker `interpreter`, for where ld-stable stands in its
 *			place (`matr run` binds the real one over it)
 * MATR_ERROR_STATE: `interpreter` is an ld-stable itself. */
MATR_API int matr_loader_install(const char *prefix, const char *source, const char *interpreter,
				 struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
