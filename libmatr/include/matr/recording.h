/* recording.h - what programs were seen to load with dlopen().
 *
 * A recording is kept in the prefix, in a text file (matr-record(1) describes it): unlike all else in the prefix it cannot be
 * computed again, and an image builder may want to carry it from one machine to another.
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

struct matr_recordings { /* in the order in which they were recorded */
	struct matr_recorded_load *list;
	size_t n, capacity;
};

/* Read the prefix's recordings; none where there is no file. *out: matr_recordings_free(), also after an error.
 * MALFORMED: the message names the line. UNTRUSTED: the file belongs to neither root nor the caller, or others
 * may write to it. */
MATR_API int matr_recordings_read(const char *prefix, struct matr_recordings *out,
				  struct matr_error *err);
/* The same from any file of that format. */
MATR_API int matr_recordings_read_file(const char *file, struct matr_recordings *out,
				       struct matr_error *err);
MATR_API void matr_recordings_free(struct matr_recordings *recordings);

/* Do the flags say RTLD_NOW? */
MATR_API bool matr_loads_now(const char *flags);

/* Add a load, unless that library is recorded for the application already; then it only loses an RTLD_NOW that the new
 * one does not have. 1: added, 0: not, -1: MEMORY. The strings are copied. */
MATR_API int matr_recordings_add(struct matr_recordings *recordings,
				 const struct matr_recorded_load *load, struct matr_error *err);

/* Remove what is recorded for an application (NULL: for all). The number of loads removed. */
MATR_API size_t matr_recordings_forget(struct matr_recordings *recordings, const char *application);

/* Write them all, atomically. The prefix is made where it does not exist. */
MATR_API int matr_recordings_write(const char *prefix, const struct matr_recordings *recordings,
				   struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
