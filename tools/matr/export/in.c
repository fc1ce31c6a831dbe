/* in.c - the lines of a file, which may be compressed with zstd. */
#include "matr/export/in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { CHUNK = 1 << 17, LINE_MAX_BYTES = 1 << 24, WINDOW_MAX = 27 };

int export_in_open(struct export_in *in, const char *file, struct matr_error *err)
{
	static const unsigned char magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
	unsigned char begin[4];
	struct stat status;

	*in = (struct export_in){.name = file, .frame_ended = true};
	in->fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (in->fd < 0 || fstat(in->fd, &status) != 0)
		return matr_fail_errno(err, file, "cannot be read");
	if (!S_ISREG(status.st_mode))
		return matr_fail(err, MATR_ERROR_USAGE, file,
				 "is no regular file; an export is read twice");
	in->raw = malloc(CHUNK);
	in->room = CHUNK;
	in->bytes = malloc(in->room);
	if (!in->raw || !in->bytes)
		return matr_fail_memory(err);
	if (pread(in->fd, begin, sizeof begin, 0) != (ssize_t)sizeof begin ||
	    memcmp(begin, magic, sizeof magic) != 0)
		return 0;
	in->zstd = ZSTD_createDCtx();
	if (!in->zstd)
		return matr_fail_memory(err);
	ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, WINDOW_MAX);
	return 0;
}

/* Read some bytes of the file. Returns how many, 0 at its end, -1 on error. */
static ssize_t read_some(struct export_in *in, char *to, size_t room, struct matr_error *err)
{
	ssize_t size;

	do
		size = read(in->fd, to, room);
	while (size < 0 && errno == EINTR);
	return size < 0 ? matr_fail_errno(err, in->name, "cannot be read") : size;
}

/* Decompress some bytes. Returns as read_some(). */
static ssize_t decompress_some(struct export_in *in, char *to, size_t room, struct matr_error *err)
{
	for (;;) {
		if (in->raw_at == in->raw_size && !in->raw_ended) {
			ssize_t size = read_some(in, in->raw, CHUNK, err);
			if (size < 0)
				return -1;
			in->raw_ended = size == 0;
			in->raw_size = (size_t)size;
			in->raw_at = 0;
		}
		if (in->raw_ended && in->frame_ended)
			return 0;
		ZSTD_inBuffer from = {in->raw, in->raw_size, in->raw_at};
		ZSTD_outBuffer out = {to, room, 0};
		size_t left = ZSTD_decompressStream(in->zstd, &out, &from);
		if (ZSTD_isError(left))
			return matr_fail(err, MATR_ERROR_MALFORMED, in->name,
					 "is damaged: zstd: %s", ZSTD_getErrorName(left));
		in->raw_at = from.pos;
		in->frame_ended = left == 0;
		if (out.pos > 0)
			return (ssize_t)out.pos;
		if (in->raw_ended && !in->frame_ended)
			return matr_fail(err, MATR_ERROR_MALFORMED, in->name, "is cut off");
	}
}

static int make_room(struct export_in *in, struct matr_error *err)
{
	if (in->at > 0) {
		memmove(in->bytes, in->bytes + in->at, in->size - in->at);
		in->size -= in->at;
		in->at = 0;
	}
	if (in->size + CHUNK / 2 < in->room)
		return 0;
	if (in->room >= LINE_MAX_BYTES)
		return matr_fail(err, MATR_ERROR_MALFORMED, in->name,
				 "is no export: a line is longer than 16 MB");
	char *bytes = realloc(in->bytes, 2 * in->room);
	if (!bytes)
		return matr_fail_memory(err);
	in->bytes = bytes;
	in->room *= 2;
	return 0;
}

int export_in_line(struct export_in *in, char **line, size_t *size, struct matr_error *err)
{
	size_t searched = in->at;

	for (;;) {
		char *end = memchr(in->bytes + searched, '\n', in->size - searched);
		if (end) {
			*line = in->bytes + in->at;
			*size = (size_t)(end - *line);
			*end = 0;
			in->at += *size + 1;
			in->line++;
			return 1;
		}
		size_t kept = in->size - in->at;
		if (make_room(in, err) != 0)
			return -1;
		searched = kept;
		ssize_t more =
			in->zstd ? decompress_some(in, in->bytes + in->size, in->room - in->size,
						   err)
				 : read_some(in, in->bytes + in->size, in->room - in->size, err);
		if (more < 0)
			return -1;
		if (more == 0 && in->size > 0)
			return matr_fail(err, MATR_ERROR_MALFORMED, in->name,
					 "is cut off in line %zu", in->line + 1);
		if (more == 0)
			return 0;
		in->size += (size_t)more;
	}
}

void export_in_close(struct export_in *in)
{
	if (in->fd >= 0)
		close(in->fd);
	ZSTD_freeDCtx(in->zstd);
	free(in->raw);
	free(in->bytes);
	*in = (struct export_in){.fd = -1};
}
