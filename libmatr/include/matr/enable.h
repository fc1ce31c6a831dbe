/* enable.h - single programs that name ld-stable themselves, on a system where it is not in the
 * loader's place.
 *
 * A program names its interpreter in PT_INTERP. To enable it is to put a copy in its place that
 * names /lib64/matr-ld.so, a path shorter than the usual one: these few bytes are the only
 * difference. The original's inode stays beside it, as .NAME.matr-original, and comes back when the
 * program is disabled: bytes, owner, mode, times, attributes and hard links are unchanged.
 * /lib64/matr-enabled lists the enabled programs.
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
	MATR_ENABLE_UNCHANGED,
	MATR_ENABLE_CHANGED,
	/* Disable: the program was removed or replaced in the meantime; its original is removed. */
	MATR_ENABLE_GONE,
};

/* Enable a program, and make matr-ld.so ready for it. program: canonical path. options: path,
 * prefix and ld_stable count. Returns an enum matr_enable_change, or -1, and nothing has changed.
 * Errors: UNSUPPORTED (not a program of the usual loader; or set-user-ID, set-group-ID or with
 * capabilities, which always start plainly; the message has which), UNTRUSTED (others may write to
 * its directory), SYSTEM, those of matr_loader_install(). */
MATR_API int matr_enable(const char *program, const struct matr_loader_options *options,
			 struct matr_error *err);

/* Put the original back.
 * Returns an enum matr_enable_change, or -1. Errors: SYSTEM, UNSUPPORTED (it is not enabled). */
MATR_API int matr_disable(const char *program, struct matr_error *err);

enum matr_enabled_state {
	MATR_ENABLED,	       /* it starts by ld-stable */
	MATR_ENABLED_REPLACED, /* another file is there, which starts in the ordinary way */
	MATR_ENABLED_REMOVED,  /* there is no file */
};

struct matr_enabled {
	char *path;
	enum matr_enabled_state state;
};

/* List the programs that were enabled.
 * *out belongs to the caller: matr_enabled_free(). */
MATR_API int matr_enabled_list(struct matr_enabled **out, size_t *n, struct matr_error *err);
MATR_API void matr_enabled_free(struct matr_enabled *list, size_t n);

#ifdef __cplusplus
}
#endif

#endif
