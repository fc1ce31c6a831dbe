/* check.h - what programs lack: libraries, versions, definitions.
 *
 * The files are read as they are now; no store is used, and no program is started.
 */
#ifndef MATR_CHECK_H
#define MATR_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum matr_problem_kind {
	MATR_PROBLEM_LIBRARY, /* `name` is not found */
	MATR_PROBLEM_VERSION, /* `library` does not have version `name` */
	MATR_PROBLEM_SYMBOL,  /* no object defines `name` */
	MATR_PROBLEM_REFUSED, /* ld.so refuses it for another reason: `reason` */
};

struct matr_problem {
	enum matr_problem_kind kind;
	/* ld.so does not start the program. Otherwise it ends at the first call of the function. */
	bool fatal;
	char *requester; /* canonical path of the object that asks for it; NULL: not one object */
	char *name, *version, *library; /* NULL where there is none */
	char *reason;			/* NULL except for REFUSED */
};

/* A program to check. */
struct matr_check_program {
	const char *path;
	const char *library_path; /* LD_LIBRARY_PATH it is started with; NULL: none */
};

struct matr_checked {
	struct matr_problem *problems;
	size_t n;
	struct matr_error unknown; /* why the program cannot be checked; code MATR_OK: it was */
};

/* Check programs. Where a library is missing, the symbols are not looked up: too many would be
 * undefined only because of that. jobs: threads; 0: as many as there are cores. *out has n elements
 * and belongs to the caller: matr_checked_free(). Errors: those of matr_session_open(). */
MATR_API int matr_check(const struct matr_check_program *programs, size_t n, unsigned jobs,
			struct matr_checked **out, struct matr_error *err);
MATR_API void matr_checked_free(struct matr_checked *checked, size_t n);

#ifdef __cplusplus
}
#endif

#endif
