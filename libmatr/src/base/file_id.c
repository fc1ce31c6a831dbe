/* file_id.c - which file a struct stat is about, and whether it has changed. */
#include "base/file_id.h"

int64_t timespec_ns(const struct timespec *time)
{
	return (int64_t)((uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec);
}

struct matr_file_id file_id_of(const struct stat *status)
{
	return (struct matr_file_id){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = (uint64_t)status->st_size,
		.mtime = timespec_ns(&status->st_mtim),
		.ctime = timespec_ns(&status->st_ctim),
	};
}

bool file_id_equal(const struct matr_file_id *a, const struct matr_file_id *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime == b->mtime && a->ctime == b->ctime;
}

bool file_id_same_inode(const struct matr_file_id *id, const struct stat *status)
{
	return id->device == status->st_dev && id->inode == status->st_ino;
}

bool file_id_unchanged(const struct matr_file_id *before, const struct matr_file_id *now,
		       int64_t trusted)
{
	return file_id_equal(before, now) && now->ctime < trusted;
}
