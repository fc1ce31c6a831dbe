/* recording.h - the libraries that programs were seen to load with dlopen().
 *
 * Recordings are kept in the prefix, in a text file (matr-record(1) describes it). Unlike
 * everything else in the prefix they cannot be computed again, and an image builder may carry them
 * from one machine to another.
 */
#ifndef MATR_RECORDING_H
#define MATR_RECORDING_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_RECORDINGS_FILE "recordings" /* in the prefix */

struct matr_recorded_load {
	char *application; /* canonical path */
	char *root;	   /* the library, absolute: what ld.so had as l_name */
	char *flags;	   /* "now", "lazy"; "-": not known */
	char *asked;	   /* the name that was searched for; "-": none is known */
};

/* In the order in which they were recorded. */
struct matr_recordings {
	struct matr_recorded_load *list;
	size_t n, capacity;
};

/* Read the prefix's recordings. Without a file there are none.
 * *out belongs to the caller: matr_recordings_free().
 * Errors: MALFORMED (the message names the line), UNTRUSTED (the file belongs to neither root
 * nor the caller, or others may write to it), SYSTEM, RESOURCES. */
MATR_API int matr_recordings_read(const char *prefix, struct matr_recordings *out,
				  struct matr_error *err);
/* As matr_recordings_read(), from any file of that format. */
MATR_API int matr_recordings_read_file(const char *file, struct matr_recordings *out,
				       struct matr_error *err);
MATR_API void matr_recordings_free(struct matr_recordings *recordings);

/* Test whether the flags contain RTLD_NOW. */
MATR_API bool matr_loads_now(const char *flags);

/* Add a load. If that library is recorded for the application, that load only loses an RTLD_NOW
 * that the new one does not have. Strings are copied.
 * Returns 1 if added, 0 if not, -1 on error. Errors: RESOURCES. */
MATR_API int matr_recordings_add(struct matr_recordings *recordings,
				 const struct matr_recorded_load *load, struct matr_error *err);

/* Remove an application's loads.
 * application: NULL for all.
 * Returns the number of loads removed. */
MATR_API size_t matr_recordings_forget(struct matr_recordings *recordings, const char *application);

/* Write all recordings, atomically. The prefix is created if it does not exist.
 * Errors: UNTRUSTED, SYSTEM, RESOURCES. */
MATR_API int matr_recordings_write(const char *prefix, const struct matr_recordings *recordings,
				   struct matr_error *err);

/* Read what an ld-stable has noted (LD_STABLE_RECORD, docs/closures.md). Lines that are not whole,
 * as a full disk leaves them, are passed over.
 * Errors: SYSTEM, RESOURCES. */
MATR_API int matr_recordings_read_noted(const char *file, struct matr_recordings *out,
					struct matr_error *err);

/* A run's own directory in the prefix, for recording its loads. */
struct matr_recorder {
	char directory[PATH_MAX];
	char file[PATH_MAX]; /* what LD_STABLE_RECORD is to name: empty, in the directory */
	int lock;
};

/* Make the directory; the prefix is created if it does not exist. What killed runs have left is
 * removed.
 * Errors: STATE, UNTRUSTED, SYSTEM, RESOURCES. */
MATR_API int matr_recorder_open(const char *prefix, struct matr_recorder *out,
				struct matr_error *err);

/* Add the files that a private mount namespace needs, as there are in a prefix
 * (MATR_INTERPRETER_FILE, MATR_LD_STABLE_FILE, MATR_REAL_LOADER_FILE), but no image: programs start
 * plainly by them.
 * Errors: STATE (this is a namespace of `matr run`), UNSUPPORTED (this ld.so's calls cannot be
 * seen), SYSTEM, MALFORMED, RESOURCES. */
MATR_API int matr_recorder_add_loader(struct matr_recorder *recorder, const char *ld_stable,
				      struct matr_error *err);

/* Remove the directory. */
MATR_API void matr_recorder_close(struct matr_recorder *recorder);

#ifdef __cplusplus
}
#endif

#endif
