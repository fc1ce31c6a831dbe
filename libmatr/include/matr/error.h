/* error.h - the one error type of libmatr.
 *
 * Every function that can fail takes a `struct matr_error *` as its last parameter, fills it, and
 * returns a negative number (functions returning an int) or NULL (functions returning a pointer).
 * The caller owns the struct; it holds no memory of its own and needs no freeing. On success it is
 * left alone. A message is one line, without a trailing newline, and says what went wrong with
 * `file`; a program prints it as "PROGRAM: FILE: MESSAGE".
 */
#ifndef MATR_ERROR_H
#define MATR_ERROR_H

#include <matr/api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum matr_code {
	MATR_OK = 0,
	MATR_ERROR_MEMORY,    /* an allocation failed */
	MATR_ERROR_SYSTEM,    /* a system call failed; the message ends with strerror() */
	MATR_ERROR_NOT_ELF,   /* not an ELF file that ld.so takes */
	MATR_ERROR_FOREIGN,   /* an ELF file for another machine or of another class */
	MATR_ERROR_MALFORMED, /* an ELF file, image or store whose contents contradict themselves */
	MATR_ERROR_NOT_FOUND, /* a library, program, epoch or entry that is not there */
	MATR_ERROR_UNSUPPORTED, /* well-formed, but MatR declines to map it */
	MATR_ERROR_STORE,	/* SQLite failed; the message is SQLite's */
	MATR_ERROR_BUSY,	/* somebody else holds the lock */
	MATR_ERROR_STATE,	/* not possible now: no epoch, an epoch already begun, ... */
	MATR_ERROR_USAGE,	/* the caller's arguments are off */
	MATR_ERROR_UNTRUSTED,	/* wrong owner or mode */
	MATR_ERROR_DENIED,	/* there, but not for this user to read, or to change */
};

struct matr_error {
	enum matr_code code;
	char file[1024];   /* the file concerned; "" where there is none */
	char message[512]; /* one line */
};

/* Fill *err (which may be NULL) and return -1, so that `return matr_fail(...)` reads well.
 * file may be NULL. */
MATR_API int matr_fail(struct matr_error *err, enum matr_code code, const char *file,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same with ": strerror(errno)" added and code MATR_ERROR_SYSTEM (MATR_ERROR_MEMORY where errno
 * is ENOMEM). Reads errno first, so it may be called straight after the failed call. */
MATR_API int matr_fail_errno(struct matr_error *err, const char *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Out of memory: the same for every allocation. */
MATR_API int matr_fail_memory(struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
