/* shadow.h - other files in the place of those there are, for this process only.
 *
 * In a private mount namespace: nothing of it is to be seen elsewhere, and it ends with the process.
 */
#ifndef MATR_SHADOW_H
#define MATR_SHADOW_H

#include <matr/error.h>

/* Move the calling process into a mount namespace of its own. `work` is an empty directory that mounts may be prepared in. */
int shadow_enter(const char *work, struct matr_error *err);

/* `source`, a file or a directory, in the place of what is at `target`, which is there (symbolic links are followed). */
int shadow_replace(const char *target, const char *source, struct matr_error *err);

/* What is unpacked below `tree` over the system, as a package manager would put it there: ELF files, symbolic links and
 * ld.so's configuration. */
int shadow_overlay(const char *work, const char *tree, struct matr_error *err);

/* The name is gone: a file or a symbolic link. One that is not there is no error. */
int shadow_remove(const char *work, const char *target, struct matr_error *err);

/* A new file, or one in the place of what is there, link or not. */
int shadow_put(const char *work, const char *target, const char *source, struct matr_error *err);

/* ld.so.cache as ldconfig would make it now. */
int shadow_ldconfig(const char *work, struct matr_error *err);

#endif
