/* prefix.h - the directory of a store and an image.
 *
 * A prefix is a directory with:
 *
 *	matr.prefix    the mark: only a directory that has it, or is empty, becomes a prefix
 *	store.db       the store (matr/store.h), all that is known of the epoch
 *	epoch.ID.image an epoch's image, as long as it is in force or a process maps it
 *	epoch.image    symbolic link to the one in force; an epoch is in force while it is there
 *	ended.image    the last one, while none is in force: the next begin may build on it
 *	ld-stable      the loader that uses the image
 *	interpreter    the same, for the place of the dynamic linker
 *	ld.so          a copy of the real dynamic linker, for where ld-stable stands in its place
 *	programs       the programs the epoch is of, where they were named (each ends with a NUL)
 *	suspended      an epoch was ended, by the tool that it names, and is to begin again
 *	noted          a directory: what programs with record = always load (matr.conf(5))
 *	record.XXXXXX  a directory: what a `matr record` that is running needs
 *	lock           held while an epoch begins or ends
 */
#ifndef MATR_PREFIX_H
#define MATR_PREFIX_H

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_DEFAULT_PREFIX "/var/lib/matr"
/* matrd's socket. For another prefix it is PREFIX/matrd.sock. */
#define MATR_DEFAULT_SOCKET "/run/matr/matrd.sock"

/* Files in the prefix; more in matr/store.h and matr/recording.h. */
#define MATR_PREFIX_MARK      "matr.prefix"
#define MATR_IMAGE_FILE	      "epoch.image"
#define MATR_ENDED_IMAGE_FILE "ended.image" /* of an epoch that has ended */
#define MATR_INTERPRETER_FILE "interpreter"
#define MATR_LD_STABLE_FILE   "ld-stable"
#define MATR_REAL_LOADER_FILE "ld.so"
#define MATR_PROGRAMS_FILE    "programs"
#define MATR_SUSPENDED_FILE   "suspended"

/* Make a prefix: the directory and those above it where they do not exist, and the mark.
 * Errors: STATE (the directory is there, and no prefix), DENIED, SYSTEM. */
MATR_API int matr_prefix_create(const char *prefix, struct matr_error *err);

/* Check that a directory is a prefix: it has the mark, or a store and lock of a MatR that wrote no
 * mark, or nothing at all. Errors: STATE (the directory has other contents, or is a newer MatR's),
 * SYSTEM. */
MATR_API int matr_prefix_recognize(const char *prefix, struct matr_error *err);

/* Check what programs would be started with: the prefix, the directories above it, and its image
 * and loaders belong to root or the caller, and no other user may write to them. To be called
 * before the prefix's loader is used.
 * Errors: UNTRUSTED (the message names the file and the reason), SYSTEM. */
MATR_API int matr_prefix_trusted(const char *prefix, struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
