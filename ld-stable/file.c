/* file.c - opening files and reading what identifies them. */
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/resource.h>

#include "ld_stable.h"

static int64_t nanoseconds(uint64_t seconds, uint64_t rest)
{
	return (int64_t)(seconds * 1000000000 + rest);
}

static void status_from(struct file_status *status, const struct stat *raw)
{
	*status = (struct file_status){
		.file =
			{
				.device = raw->st_dev,
				.inode = raw->st_ino,
				.size = (uint64_t)raw->st_size,
				.mtime = nanoseconds(raw->st_mtime, raw->st_mtime_nsec),
				.ctime = nanoseconds(raw->st_ctime, raw->st_ctime_nsec),
			},
		.mode = raw->st_mode,
		.uid = raw->st_uid,
	};
}

bool file_status(const char *path, struct file_status *status)
{
	struct stat raw;
	if (system_call(CALL_NEWFSTATAT, AT_FDCWD, (long)path, (long)&raw, 0, 0, 0) != 0)
		return false;
	status_from(status, &raw);
	return true;
}

/* Not fstat: before glibc 2.39 no program calls it, and a seccomp filter made for programs may
 * kill. */
bool file_status_fd(int fd, struct file_status *status)
{
	struct stat raw;
	if (system_call(CALL_NEWFSTATAT, fd, (long)"", (long)&raw, AT_EMPTY_PATH, 0, 0) != 0)
		return false;
	status_from(status, &raw);
	return true;
}

long file_open(const char *path)
{
	/* O_NONBLOCK: a fifo in the place of a file must not stop the program. */
	return system_call(CALL_OPENAT, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0,
			   0, 0);
}

void file_close(long fd)
{
	system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
}

bool file_size_is_limited(void)
{
	struct rlimit64 limit;

	return system_call(CALL_PRLIMIT, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) != 0 ||
	       limit.rlim_cur != RLIM64_INFINITY;
}

bool file_is_recorded(const struct file_status *status, const struct matr_image_file *file,
		      uint32_t image_flags)
{
	if (image_flags & MATR_IMAGE_PORTABLE)
		return status->file.size == file->size;
	return bytes_equal(&status->file, file, sizeof *file);
}
