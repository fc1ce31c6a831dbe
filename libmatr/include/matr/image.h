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

/* Placement of a program's libraries (docs/security.md). */
enum matr_layout {
	MATR_LAYOUT_DEFAULT, /* of a section: as [epochs] has it */
	MATR_LAYOUT_AUTO,    /* shared if many words are relocated, otherwise random */
	MATR_LAYOUT_SHARED,  /* at the addresses of the epoch */
	MATR_LAYOUT_RANDOM,  /* at addresses that are drawn at each exec */
	MATR_LAYOUT_PACK,    /* shared, and the libraries' text is mapped from the image too */
};

/* Content of the image for one application. */
struct matr_image_summary {
	size_t objects;
	size_t relocations;	    /* applied by the mapping, all objects */
	size_t relative;	    /* of these */
	size_t ifunc;		    /* of these */
	size_t copies;		    /* of these */
	size_t residual;	    /* left to ld.so */
	size_t loaded;		    /* objects of all closures, each once */
	size_t closures;	    /* that are in the image */
	size_t closure_relocations; /* applied when each is loaded alone */
	size_t closure_residual;    /* left to ld.so, of them */
	size_t new_bytes;	    /* the application added to the image (libraries are shared) */
};

struct matr_image_info {
	uint64_t epoch, size;	/* size in bytes */
	uint64_t metadata_size; /* bytes of it that an exec maps */
	uint64_t region;	/* address of the shared layout */
	uint32_t applications;	/* without those that were withdrawn */
	/* of the applications, withdrawn ones included, those of each layout */
	uint32_t shared, random, packed;
	uint32_t cpu_level; /* glibc-hwcaps level it was resolved for, 1 to 4 */
};

/* Check an image: its owner and mode, header, size, the checksums of header, manifests and bulk,
 * and every offset.
 * path: the file. info: may be NULL.
 * Errors: UNTRUSTED (owner and mode are not as ld-stable requires), MALFORMED, SYSTEM,
 * RESOURCES. */
MATR_API int matr_image_check(const char *path, struct matr_image_info *info,
			      struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
