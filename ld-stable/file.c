/* file.c - opening files and reading what identifies them. */
#include <asm/stat.h>
#include <linux/fcntl.h>

#include "ld_stable.h"

static void status_from(struct file_status *status, const struct stat *raw)
{
	status->device = raw->st_dev;
	status->inode = raw->st_ino;
	status->size = (uint64_t)raw->st_size;
	status->mtime = (int64_t)raw->st_mtime * 1000000000 + (int64_t)raw->st_mtime_nsec;
	status->mode = raw->st_mode;
	status->uid = raw->st_uid;
}

bool file_status(const char *path, struct file_status *status)
{
	struct stat raw;
	if (system_call(CALL_NEWFSTATAT, AT_FDCWD, (long)path, (long)&raw, 0, 0, 0) != 0)
		return false;
	status_from(status, &raw);
	return true;
}

bool file_status_fd(int fd, struct file_status *status)
{
	struct stat raw;
	if (system_call(CALL_FSTAT, fd, (long)&raw, 0, 0, 0, 0) != 0)
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
