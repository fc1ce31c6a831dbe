/* loader_sections.h - an ld-stable that link editors and debuggers take for the real ld.so. */
#ifndef MATR_LOADER_SECTIONS_H
#define MATR_LOADER_SECTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

/* ld-stable (its file's bytes) with the real ld.so in it. *out: free(). *base: where the kernel maps the real ld.so,
 * relative to ld-stable; 0: it does not. The paths are for messages. */
int loader_with_sections(const char *stable_path, const void *stable, size_t stable_size,
			 const char *real_path, const void *real, size_t real_size, void **out,
			 size_t *out_size, uint64_t *base, struct matr_error *err);

#endif
