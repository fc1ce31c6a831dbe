/* verify_child.h - starting a program that compares instead of running. */
#ifndef MATR_TOOLS_RUN_VERIFY_CHILD_H
#define MATR_TOOLS_RUN_VERIFY_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

struct difference {
	size_t object; /* scope index */
	uint64_t offset, expected, found;
};

struct comparison {
	enum {
		COMPARISON_DONE,  /* the slots were compared */
		COMPARISON_PLAIN, /* ld-stable decided for a plain start; `reason` has why */
		COMPARISON_FAILED /* the program did not get that far; `reason` has its message */
	} outcome;
	size_t objects, slots, residual; /* COMPARISON_DONE */
	struct difference *differences;
	size_t n_differences;
	char reason[512];
};

/* Start `path`, with LD_LIBRARY_PATH=library_path unless that is NULL, as `matr run` does, up to
 * where ld.so has relocated everything, and compare. bind_now: all functions are bound at once
 * (not possible where one is defined nowhere). Never runs the program. -1: it could not be
 * tried. *out: comparison_free(). */
int verify_program(const char *prefix, const char *path, const char *library_path, bool bind_now,
		   struct comparison *out, struct matr_error *err);
/* Run the program as `matr run` does, with closures compared instead of applied, and report on
 * standard error. Returns 1 if some were compared and are the same, 0 if not, -1 on error. */
int verify_loads(const char *prefix, int argc, char **argv, bool bind_now, struct matr_error *err);
void comparison_free(struct comparison *comparison);

#endif
