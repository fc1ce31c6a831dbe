/* out.h - where an export goes: a file that appears whole or not at all, or standard output;
 * compressed on request.
 */
#ifndef MATR_TOOLS_EXPORT_OUT_H
#define MATR_TOOLS_EXPORT_OUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <matr/error.h>

struct export_out {
	const char *name; /* for messages */
	char path[PATH_MAX], temporary[PATH_MAX];
	bool to_stdout;
	bool nameless; /* O_TMPFILE */
	int fd;
	void *zstd; /* ZSTD_CCtx; NULL: not compressed */
	char *buffer;
	size_t used;
	char *compressed;
	size_t room;
};

/* Open FILE, or standard output for "-".
 * out: export_out_close(), also after an error. */
int export_out_open(struct export_out *out, const char *file, bool zstd, struct matr_error *err);

/* Open a file of the directory DIRECTORY, which is not there yet: until export_out_finish() it lies
 * beside it. The caller makes the directory and calls export_out_place() before. NAME is for
 * messages and lasts as long as *out.
 * out: export_out_close(), also after an error. */
int export_out_open_later(struct export_out *out, const char *directory, const char *name,
			  bool zstd, struct matr_error *err);

/* Set where export_out_finish() puts the file: in the same file system. */
int export_out_place(struct export_out *out, const char *path, struct matr_error *err);

/* Write bytes. On error the export is lost. */
int export_out_write(struct export_out *out, const void *bytes, size_t size,
		     struct matr_error *err);

/* Copy a file to it, from its beginning. */
int export_out_copy(struct export_out *out, int fd, struct matr_error *err);

/* Write what is left, and put the file in its place. */
int export_out_finish(struct export_out *out, struct matr_error *err);

/* Remove what was not finished. */
void export_out_close(struct export_out *out);

/* Make a temporary name beside a path, for mkostemp() and mkdtemp(). */
int export_temporary(const char *path, char out[PATH_MAX], struct matr_error *err);

#endif
