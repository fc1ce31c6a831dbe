/* libraries.h - the libraries that ld.so would load for one file. */
#ifndef MATR_LIBRARIES_H
#define MATR_LIBRARIES_H

#include <stddef.h>
#include <stdint.h>

#include <matr/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_session;

struct matr_library {
	char *path;	 /* as ld.so finds it: what ldd prints */
	char *canonical; /* without symbolic links */
	enum matr_search_rule rule;
};

#define MATR_LIBRARY_NOT_FOUND UINT32_MAX

struct matr_needed_library { /* one DT_NEEDED entry of the file */
	char *name;
	uint32_t library; /* index into `list`, or MATR_LIBRARY_NOT_FOUND */
};

struct matr_libraries {
	struct matr_library *list; /* [0] is the file itself; breadth-first, as ld.so loads them */
	size_t n;
	struct matr_needed_library *needed; /* in the order of the dynamic section */
	size_t n_needed;
};

/* Find the libraries of an ELF file, as if it were the program that is started, or the library that
 * is loaded first: a DT_RPATH of another program that loads it too is not known.
 * session: opened with `search_only`, so that a library that is nowhere is left out of the list.
 * *out belongs to the caller: matr_libraries_free().
 * Errors: those of matr_object_open(), RESOURCES. */
MATR_API int matr_libraries_find(struct matr_session *session, const char *path,
				 struct matr_libraries *out, struct matr_error *err);
MATR_API void matr_libraries_free(struct matr_libraries *libraries);

#ifdef __cplusplus
}
#endif

#endif
