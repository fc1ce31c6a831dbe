/* recording.h - the libraries that programs were seen to load with dlopen().
 *
 * Recordings are kept in the prefix, in a text file (matr-record(1) describes it). Unlike
 * everything else in the prefix they cannot be computed again, and an image builder may carry them
 * from one machine to another.
 */
#ifndef MATR_RECORDING_H
#define MATR_RECORDING_H

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
	char *flags;	   /* "now", "lazy,global", ...; "-": not known */
	char *asked;	   /* the name given to dlopen(); "-": not known */
};

/* In the order in which they were recorded. */
struct matr_recordings {
	struct matr_recorded_load *list;
	size_t n, capacity;
};

/* Read the prefix's recordings. Without a file there are none.
 * *out belongs to the caller: matr_recordings_free(), also after an error.
 * Errors: MALFORMED (the message names the line), UNTRUSTED (the file belongs to neither root
 * nor the caller, or others may write to it), SYSTEM, MEMORY. */
MATR_API int matr_recordings_read(const char *prefix, struct matr_recordings *out,
				  struct matr_error *err);
/* As matr_recordings_read(), from any file of that format. */
MATR_API int matr_recordings_read_file(const char *file, struct matr_recordings *out,
				       struct matr_error *err);
MATR_API void matr_recordings_free(struct matr_recordings *recordings);

/* Do the flags contain RTLD_NOW? */
MATR_API bool matr_loads_now(const char *flags);

/* Add a load. If that library is recorded for the application, that load only loses an RTLD_NOW
 * that the new one does not have. Strings are copied.
 * Returns 1 if added, 0 if not, -1 on error. Errors: MEMORY. */
MATR_API int matr_recordings_add(struct matr_recordings *recordings,
				 const struct matr_recorded_load *load, struct matr_error *err);

/* Remove an application's loads.
 * application: NULL for all.
 * Returns the number of loads removed. */
MATR_API size_t matr_recordings_forget(struct matr_recordings *recordings, const char *application);

/* Write all recordings, atomically. The prefix is created if it does not exist.
 * Errors: UNTRUSTED, SYSTEM, MEMORY. */
MATR_API int matr_recordings_write(const char *prefix, const struct matr_recordings *recordings,
				   struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
