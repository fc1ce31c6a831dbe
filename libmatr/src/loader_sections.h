/* loader_sections.h - an ld-stable that link editors and debuggers take for the real ld.so. */
#ifndef MATR_LOADER_SECTIONS_H
#define MATR_LOADER_SECTIONS_H

#include <stddef.h>

#include <matr/error.h>

/* ld-stable (its file's bytes) with the sections of the real ld.so. *out: free(). The paths are for
 * messages. */
int loader_with_sections(const char *stable_path, const void *stable, size_t stable_size,
			 const char *real_path, const void *real, size_t real_size, void **out,
			 size_t *out_size, struct matr_error *err);

#endif
