/* image.h - the epoch image as a file: checking it, and what it has of an application.
 *
 * matr/image_format.h has the format. matr/epoch.h makes images.
 */
#ifndef MATR_IMAGE_H
#define MATR_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the image has of one application. */
struct matr_image_summary {
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

struct matr_image_info {
	uint64_t epoch, size;  /* size in bytes */
	uint32_t applications; /* without those that were withdrawn */
	uint32_t cpu_level;    /* glibc-hwcaps level it was resolved for, 1 to 4 */
};

/* Check an image: its owner and mode, header, size, the checksums of header, manifests and bulk,
 * and every offset.
 * path: the file. info: may be NULL.
 * Errors: UNTRUSTED (owner and mode are not as ld-stable requires), MALFORMED, SYSTEM, MEMORY. */
MATR_API int matr_image_check(const char *path, struct matr_image_info *info,
			      struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
