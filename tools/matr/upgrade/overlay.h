/* overlay.h - other files in the place of those there are, for this process only.
 *
 * In a private mount namespace: nothing of it is to be seen elsewhere, and it ends with the
 * process.
 */
#ifndef MATR_TOOLS_UPGRADE_OVERLAY_H
#define MATR_TOOLS_UPGRADE_OVERLAY_H

#include <matr/error.h>

/* Move the calling process into a mount namespace of its own. *work: an empty directory in memory
 * that is there in it. A user other than root needs a user namespace for it. */
int overlay_enter(const char **work, struct matr_error *err);

/* `source`, a file or a directory, in the place of what is at `target`, which is there (symbolic
 * links are followed). */
int overlay_replace(const char *target, const char *source, struct matr_error *err);

/* The name is gone: a file or a symbolic link. One that is not there is no error. */
int overlay_remove(const char *work, const char *target, struct matr_error *err);

/* A new file, or one in the place of what is there, link or not. */
int overlay_put(const char *work, const char *target, const char *source, struct matr_error *err);

/* ld.so.cache as ldconfig would make it now. */
int overlay_ldconfig(const char *work, struct matr_error *err);

#endif
