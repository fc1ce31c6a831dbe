#include "image/copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image.h>

#include "base/file.h"

int image_copy_open(const char *path, struct image_copy *out, struct matr_error *err)
{
	struct stat status;

	if (matr_image_check(path, NULL, err) != 0)
		return -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) {
		matr_fail_errno(err, path, "cannot be opened");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	out->size = (size_t)status.st_size;
	out->mode = status.st_mode & 0777;
	out->bytes = mmap(NULL, out->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return out->bytes == MAP_FAILED ? matr_fail_errno(err, path, "cannot be mapped") : 0;
}

int image_copy_write(const struct image_copy *copy, const char *path, struct matr_error *err)
{
	return file_write(path, copy->bytes, copy->size, copy->mode, err);
}

void image_copy_close(struct image_copy *copy)
{
	munmap(copy->bytes, copy->size);
}
