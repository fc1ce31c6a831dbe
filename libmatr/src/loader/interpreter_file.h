/* interpreter_file.h - making the file for ld.so's place: the real ld.so with a front door.
 *
 * matr/loader_format.h has the layout. The kernel, debuggers, profilers, link editors and programs
 * that load ld.so as a library find in it what they find in the real one; docs/loader.md has the
 * reasons.
 */
#ifndef MATR_LOADER_INTERPRETER_FILE_H
#define MATR_LOADER_INTERPRETER_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

/* Address of the program header table. */
enum interpreter_table {
	INTERPRETER_TABLE_AUTO,	   /* the first of these that has room */
	INTERPRETER_TABLE_PAGE,	   /* in the unused rest of page 0 */
	INTERPRETER_TABLE_PLACE,   /* where it was; what follows it moves into the rest of page 0 */
	INTERPRETER_TABLE_SEGMENT, /* behind ld-stable's text; core files then lack it */
};

struct interpreter_source {
	const char *path; /* for messages */
	const void *bytes;
	size_t size;
};

struct interpreter_file {
	void *bytes; /* free() */
	size_t size;
	uint64_t base;	    /* where ld-stable begins; a multiple of a page */
	uint64_t entry;	    /* ld.so's own entry point */
	uint64_t debug;	    /* its _r_debug; 0: it has no such symbol */
	char unserved[256]; /* why no site is replaced; "": all are */
};

/* Make and check the file. Where a system-call site of ld.so is not exactly as expected, none is
 * replaced, and `unserved` has the reason: programs start as ever by such a file, and nothing can
 * be served. Errors: NOT_ELF, FOREIGN, MALFORMED; UNSUPPORTED if the file cannot be made of this
 * ld.so; RESOURCES. */
int interpreter_file_make(const struct interpreter_source *ld_so,
			  const struct interpreter_source *ld_stable, enum interpreter_table table,
			  struct interpreter_file *out, struct matr_error *err);

#endif
