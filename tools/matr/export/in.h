/* in.h - the lines of a file, which may be compressed with zstd. */
#ifndef MATR_TOOLS_EXPORT_IN_H
#define MATR_TOOLS_EXPORT_IN_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

struct export_in {
	const char *name; /* for messages */
	int fd;
	void *zstd; /* ZSTD_DCtx; NULL: not compressed */
	char *raw;  /* compressed bytes */
	size_t raw_size, raw_at;
	bool frame_ended, raw_ended;
	char *bytes;
	size_t at, size, room;
	size_t line; /* number of the line that was read last */
};

/* Open a regular file.
 * in: export_in_close(), also after an error. */
int export_in_open(struct export_in *in, const char *file, struct matr_error *err);

/* Read a line, with a NUL in the place of its end. It is valid until the next call.
 * Returns 1; 0 at the end of the file; -1 on error.
 * Errors: MALFORMED (cut off or damaged, or the line is absurdly long), SYSTEM, MEMORY. */
int export_in_line(struct export_in *in, char **line, size_t *size, struct matr_error *err);

void export_in_close(struct export_in *in);

#endif
