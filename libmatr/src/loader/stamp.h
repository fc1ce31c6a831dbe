/* stamp.h - copies of ld-stable that have a prefix stamped into them. */
#ifndef MATR_LOADER_STAMP_H
#define MATR_LOADER_STAMP_H

#include <stddef.h>

#include <matr/error.h>

/* The ld-stable at `source`, stamped with the (canonical) prefix, and the real dynamic linker in
 * it, read from `interpreter`. It starts the file at `loader` (NULL: the prefix's copy) where that
 * has become another than the one it carries. *out: free(). */
int loader_make(const char *prefix, const char *source, const char *interpreter, const char *loader,
		void **out, size_t *out_size, struct matr_error *err);

/* Make the prefix ready for the loader. Three files are replaced atomically, and left alone if they
 * are as they should be:
 *	ld-stable	the ld-stable at `source` with the prefix stamped in: what DT_NEEDED names,
 *			and what is started as `ld-stable PROGRAM`
 *	interpreter	the same, for the place of the dynamic linker (docs/architecture.md)
 *	ld.so		a copy of the real dynamic linker `interpreter`, for where ld-stable stands
 *			in its place (`matr run` binds the real one over it)
 * STATE: `interpreter` is an ld-stable itself. */
int loader_stamp(const char *prefix, const char *source, const char *interpreter,
		 struct matr_error *err);

#endif
