/* error.h - the one error type of libmatr.
 *
 * Every function that can fail takes a `struct matr_error *` as its last parameter, which may be
 * NULL. It fills it and returns a negative number, or NULL if it returns a pointer. Its outputs are
 * empty then: they may be freed, but need not be. On success the struct is unchanged. It holds no
 * memory of its own. A message is one line about `file`: print "PROGRAM: FILE: MESSAGE".
 */
#ifndef MATR_ERROR_H
#define MATR_ERROR_H

#include <matr/api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum matr_code {
	MATR_OK = 0,
	MATR_ERROR_RESOURCES, /* memory or file descriptors ran out; no fault of a file */
	MATR_ERROR_SYSTEM,    /* a system call failed; the message ends with strerror() */
	MATR_ERROR_NOT_ELF,   /* not an ELF file that ld.so takes */
	MATR_ERROR_FOREIGN,   /* an ELF file for another machine or of another class */
	MATR_ERROR_MALFORMED, /* an ELF file, image or store whose contents contradict themselves */
	MATR_ERROR_NOT_FOUND, /* a library, program, epoch or entry that is not there */
	MATR_ERROR_UNSUPPORTED, /* well-formed, but MatR declines to map it */
	MATR_ERROR_STORE,	/* SQLite failed; the message is SQLite's */
	MATR_ERROR_BUSY,	/* another process has the lock */
	MATR_ERROR_STATE,	/* not possible now: no epoch, an epoch already begun, ... */
	MATR_ERROR_USAGE,	/* wrong arguments of the caller */
	MATR_ERROR_UNTRUSTED,	/* wrong owner or mode */
	MATR_ERROR_DENIED,	/* this user may not read or change it */
};

struct matr_error {
	enum matr_code code;
	char file[1024];   /* the file concerned; "" where there is none */
	char message[512]; /* one line */
};

/* Fill *err, which may be NULL. file: may be NULL.
 * Returns -1, for `return matr_fail(...)`. */
MATR_API int matr_fail(struct matr_error *err, enum matr_code code, const char *file,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* As matr_fail(), with ": strerror(errno)" added to the message. The code is RESOURCES if errno is
 * ENOMEM, EMFILE or ENFILE, else SYSTEM. errno is read first. */
MATR_API int matr_fail_errno(struct matr_error *err, const char *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Fill *err for an allocation that failed. Returns -1. */
MATR_API int matr_fail_memory(struct matr_error *err);

/* Pass on an error that was kept apart, and return -1. */
MATR_API int matr_error_copy(struct matr_error *err, const struct matr_error *from);

#ifdef __cplusplus
}
#endif

#endif
