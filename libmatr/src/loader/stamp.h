/* stamp.h - an ld-stable for the place of the dynamic linker, as bytes. */
#ifndef MATR_LOADER_MAKE_H
#define MATR_LOADER_MAKE_H

#include <stddef.h>

#include <matr/error.h>

/* The ld-stable at `source`, stamped with the (canonical) prefix, and the real dynamic linker in it, read from
 * `interpreter`. It starts the file at `loader` (NULL: the prefix's copy) where that has become another than the one it
 * carries. *out: free(). */
int loader_make(const char *prefix, const char *source, const char *interpreter, const char *loader,
		void **out, size_t *out_size, struct matr_error *err);

#endif
