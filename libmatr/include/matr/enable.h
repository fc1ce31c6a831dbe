/* enable.h - single programs that name ld-stable themselves, where it does not have the system's loader's place.
 *
 * A program names its interpreter in PT_INTERP. To enable it is to put a copy in its place that names /lib64/matr-ld.so,
 * a path shorter than the usual one: these few bytes are all that differs. The original's inode stays beside it, as
 * .NAME.matr-original, and comes back when the program is disabled: bytes, owner, mode, times, attributes and hard links
 * are what they were because nothing has touched them. /lib64/matr-enabled lists the enabled programs.
 */
#ifndef MATR_ENABLE_H
#define MATR_ENABLE_H

#include <stddef.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_loader_options;

enum matr_enable_change {
	MATR_ENABLE_UNCHANGED, /* it was so already */
	MATR_ENABLE_CHANGED,
	MATR_ENABLE_GONE, /* disable: it is not there any more, or was replaced since; what was kept is removed */
};

/* Enable a program (canonical path), and make matr-ld.so ready for it, by the options (path, prefix, ld_stable).
 * Returns a matr_enable_change, or -1 and nothing has changed: UNSUPPORTED (not a program of the usual loader; set-user-ID,
 * set-group-ID or with capabilities, which always start plainly; the message says which), UNTRUSTED (others may write to
 * its directory), SYSTEM, and those of matr_loader_install(). */
MATR_API int matr_enable(const char *program, const struct matr_loader_options *options,
			 struct matr_error *err);

/* Put the original back. Errors: SYSTEM, UNSUPPORTED (it is not enabled). */
MATR_API int matr_disable(const char *program, struct matr_error *err);

enum matr_enabled_state {
	MATR_ENABLED,	       /* it starts by ld-stable */
	MATR_ENABLED_REPLACED, /* another file is there since, which starts the ordinary way */
	MATR_ENABLED_REMOVED,  /* nothing is there */
};

struct matr_enabled {
	char *path;
	enum matr_enabled_state state;
};

/* The list. *out belongs to the caller: matr_enabled_free(). */
MATR_API int matr_enabled_list(struct matr_enabled **out, size_t *n, struct matr_error *err);
MATR_API void matr_enabled_free(struct matr_enabled *list, size_t n);

#ifdef __cplusplus
}
#endif

#endif
