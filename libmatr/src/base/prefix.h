/* prefix.h - the directory of a store and image: its owner, and its lock. */
#ifndef MATR_BASE_PREFIX_H
#define MATR_BASE_PREFIX_H

#include <limits.h>
#include <stdbool.h>

#include <matr/error.h>
#include <matr/prefix.h>

/* The image of an epoch that is being begun, until it takes the name of the one in force. */
#define PREFIX_NEXT_IMAGE (MATR_IMAGE_FILE ".next")

enum { PREFIX_IMAGE_NAME = 64 }; /* bytes of an image's file name */

/* Test whether the name is that of an epoch's image: "epoch.7.image" or "epoch.7-1.image". */
bool prefix_is_image(const char *name);

/* A directory in the prefix: the prefix in which the edits of an epoch are tried (matr/edit.h). */
#define PREFIX_TRIAL "trial"

/* Remove it. Only while holding the lock. */
int prefix_remove_trial(const char *canonical, struct matr_error *err);

/* Create the prefix and missing parent directories, mark it, and find its canonical path. STATE:
 * the directory exists and belongs to another program. */
int prefix_make(const char *prefix, char canonical[PATH_MAX], struct matr_error *err);

/* Check that only root or the caller can write to the prefix and the directories above it, since
 * files there decide what code programs run. Sticky directories like /tmp are accepted as
 * parents. The same rule as ld-stable's. UNTRUSTED: others can write there. */
int prefix_check(const char *canonical, struct matr_error *err);

/* The same for a file in the prefix. One that does not exist is all right. An image's link has
 * to lead to an image beside it. */
int prefix_check_file(const char *canonical, const char *name, struct matr_error *err);

/* Take the prefix's lock. Returns a descriptor (close it to release the lock), -1 on error.
 * STATE: the directory is no prefix, and nothing was written to it. BUSY: another process holds
 * the lock and `wait` is false. */
int prefix_lock(const char *canonical, bool wait, struct matr_error *err);

/* Remove temporary files that a killed begin left behind. Only while holding the lock. */
int prefix_clean(const char *canonical, struct matr_error *err);

#endif
