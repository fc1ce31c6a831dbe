/* file_id.c - see file_id.h. */
#include "base/file_id.h"

#include <string.h>

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)((uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec);
}

struct matr_file_id file_id_of(const struct stat *status)
{
	return (struct matr_file_id){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = (uint64_t)status->st_size,
		.mtime = nanoseconds(&status->st_mtim),
		.ctime = nanoseconds(&status->st_ctim),
	};
}

bool file_id_unchanged(const struct matr_file_id *before, const struct matr_file_id *now,
		       int64_t trusted)
{
	return before->device == now->device && before->inode == now->inode &&
	       before->size == now->size && before->mtime == now->mtime &&
	       before->ctime == now->ctime && now->ctime < trusted;
}
