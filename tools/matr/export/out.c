/* out.c - where an export goes: a file that appears whole or not at all, or standard output. */
#include "matr/export/out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "common/path.h"

enum { BUFFER = 1 << 17, ZSTD_LEVEL = 6, ZSTD_WINDOW = 23 };

int export_temporary(const char *path, char out[PATH_MAX], struct matr_error *err)
{
	if (snprintf(out, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, path, "path is too long");
	return 0;
}

static int fail(const struct export_out *out, struct matr_error *err)
{
	return matr_fail_errno(err, out->name, "cannot be written");
}

static int open_zstd(struct export_out *out, struct matr_error *err)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();

	out->zstd = context;
	out->room = ZSTD_CStreamOutSize();
	out->compressed = malloc(out->room);
	if (!context || !out->compressed)
		return matr_fail_memory(err);
	if (ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, ZSTD_WINDOW)))
		return matr_fail(err, MATR_ERROR_SYSTEM, out->name, "zstd cannot be set up");
	/* A thread of its own, where the library has threads. */
	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, 1);
	return 0;
}

/* Open a file without a name, which leaves nothing behind if the process is killed; where the file
 * system has no such files, one with a temporary name. */
static int open_beside(struct export_out *out, struct matr_error *err)
{
	char directory[PATH_MAX], temporary[PATH_MAX];
	size_t length = path_directory(out->path);

	snprintf(directory, sizeof directory, "%.*s", (int)length, length ? out->path : "");
	out->nameless = true;
	out->fd = open(length ? directory : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (out->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return fail(out, err);
	out->nameless = false;
	if (export_temporary(out->path, temporary, err) != 0)
		return -1;
	out->fd = mkostemp(temporary, O_CLOEXEC);
	if (out->fd < 0)
		return fail(out, err);
	memcpy(out->temporary, temporary, sizeof temporary);
	return 0;
}

/* Give the file without a name a temporary one. */
static int name_temporary(struct export_out *out, struct matr_error *err)
{
	char from[64], temporary[PATH_MAX];

	snprintf(from, sizeof from, "/proc/self/fd/%d", out->fd);
	for (int i = 0; i < 100; i++) {
		if (snprintf(temporary, sizeof temporary, "%s.%ld.%d", out->path, (long)getpid(),
			     i) >= (int)sizeof temporary)
			return matr_fail(err, MATR_ERROR_USAGE, out->name, "path is too long");
		if (linkat(AT_FDCWD, from, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) == 0) {
			memcpy(out->temporary, temporary, sizeof temporary);
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return fail(out, err);
}

int export_out_open(struct export_out *out, const char *file, bool zstd, struct matr_error *err)
{
	*out = (struct export_out){.name = file, .fd = -1, .to_stdout = strcmp(file, "-") == 0};
	out->buffer = malloc(BUFFER);
	if (!out->buffer)
		return matr_fail_memory(err);
	if (out->to_stdout) {
		out->name = "standard output";
		out->fd = STDOUT_FILENO;
		signal(SIGPIPE, SIG_IGN); /* EPIPE is enough, and a temporary file is removed */
		return zstd ? open_zstd(out, err) : 0;
	}
	struct stat status;
	if (lstat(file, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
		/* A pipe or a device: written as it is. */
		out->fd = S_ISDIR(status.st_mode) ? -1 : open(file, O_WRONLY | O_CLOEXEC);
		if (out->fd < 0) {
			errno = S_ISDIR(status.st_mode) ? EISDIR : errno;
			return fail(out, err);
		}
		signal(SIGPIPE, SIG_IGN);
		return zstd ? open_zstd(out, err) : 0;
	}
	if (!realpath(file, out->path) &&
	    snprintf(out->path, sizeof out->path, "%s", file) >= (int)sizeof out->path)
		return matr_fail(err, MATR_ERROR_USAGE, file, "path is too long");
	if (open_beside(out, err) != 0)
		return -1;
	return zstd ? open_zstd(out, err) : 0;
}

int export_out_open_later(struct export_out *out, const char *directory, const char *name,
			  bool zstd, struct matr_error *err)
{
	*out = (struct export_out){.name = name, .fd = -1};
	out->buffer = malloc(BUFFER);
	if (!out->buffer)
		return matr_fail_memory(err);
	if (export_out_place(out, directory, err) != 0 || open_beside(out, err) != 0)
		return -1;
	return zstd ? open_zstd(out, err) : 0;
}

int export_out_place(struct export_out *out, const char *path, struct matr_error *err)
{
	if (snprintf(out->path, sizeof out->path, "%s", path) >= (int)sizeof out->path)
		return matr_fail(err, MATR_ERROR_USAGE, out->name, "path is too long");
	return 0;
}

static int put(struct export_out *out, const char *bytes, size_t size, struct matr_error *err)
{
	while (size > 0) {
		ssize_t written = write(out->fd, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail(out, err);
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

static int compress_to(struct export_out *out, const char *bytes, size_t size, bool end,
		       struct matr_error *err)
{
	ZSTD_inBuffer in = {bytes, size, 0};
	size_t left = 1;

	while (end ? left != 0 : in.pos < in.size) {
		ZSTD_outBuffer to = {out->compressed, out->room, 0};
		left = ZSTD_compressStream2(out->zstd, &to, &in,
					    end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return matr_fail(err, MATR_ERROR_SYSTEM, out->name, "zstd: %s",
					 ZSTD_getErrorName(left));
		if (put(out, out->compressed, to.pos, err) != 0)
			return -1;
	}
	return 0;
}

static int flush(struct export_out *out, struct matr_error *err)
{
	size_t size = out->used;

	out->used = 0;
	return out->zstd ? compress_to(out, out->buffer, size, false, err)
			 : put(out, out->buffer, size, err);
}

int export_out_write(struct export_out *out, const void *bytes, size_t size, struct matr_error *err)
{
	const char *at = bytes;

	while (size > 0) {
		size_t part = size < BUFFER - out->used ? size : BUFFER - out->used;
		memcpy(out->buffer + out->used, at, part);
		out->used += part;
		at += part;
		size -= part;
		if (out->used == BUFFER && flush(out, err) != 0)
			return -1;
	}
	return 0;
}

int export_out_copy(struct export_out *out, int fd, struct matr_error *err)
{
	char bytes[1 << 14];
	ssize_t size;
	off_t at = 0;

	while ((size = pread(fd, bytes, sizeof bytes, at)) > 0) {
		if (export_out_write(out, bytes, (size_t)size, err) != 0)
			return -1;
		at += size;
	}
	return size < 0 ? matr_fail_errno(err, out->name, "temporary file cannot be read") : 0;
}

int export_out_finish(struct export_out *out, struct matr_error *err)
{
	if (flush(out, err) != 0 || (out->zstd && compress_to(out, NULL, 0, true, err) != 0))
		return -1;
	if (!out->path[0])
		return 0;
	if (fchmod(out->fd, path_mode(out->path)) != 0 || fsync(out->fd) != 0)
		return fail(out, err);
	if (out->nameless && name_temporary(out, err) != 0)
		return -1;
	int failed = close(out->fd);
	out->fd = -1;
	if (failed)
		return fail(out, err);
	if (rename(out->temporary, out->path) != 0)
		return matr_fail_errno(err, out->name, "cannot be replaced");
	out->temporary[0] = 0;
	return 0;
}

void export_out_close(struct export_out *out)
{
	if (out->fd >= 0 && !out->to_stdout)
		close(out->fd);
	if (out->temporary[0])
		unlink(out->temporary);
	ZSTD_freeCCtx(out->zstd);
	free(out->compressed);
	free(out->buffer);
	*out = (struct export_out){.fd = -1};
}
