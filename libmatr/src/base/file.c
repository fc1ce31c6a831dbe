/* file.c - a file that appears under its name whole or not at all. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

static int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static void directory_of(const char *path, char directory[PATH_MAX])
{
	int length = (int)path_directory(path);

	snprintf(directory, PATH_MAX, "%.*s", length ? length : 1, length ? path : ".");
}

int file_sync_directory_fd(int fd, const char *directory, struct matr_error *err)
{
	/* Some file systems cannot sync a directory: EINVAL. What was done in it stands all the
	 * same. */
	if (fsync(fd) < 0 && errno != EINVAL)
		return matr_fail_errno(err, directory, "cannot be synced");
	return 0;
}

int file_sync_directory(const char *directory, struct matr_error *err)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return matr_fail_errno(err, directory, "cannot be opened");
	int result = file_sync_directory_fd(fd, directory, err);
	close(fd);
	return result;
}

int file_fail_to_change(const char *path, const char *what, struct matr_error *err)
{
	bool permission = geteuid() != 0 && (errno == EACCES || errno == EPERM);
	char directory[PATH_MAX];
	struct stat status;
	int reason = errno;

	directory_of(path, directory);
	if (permission && stat(directory, &status) == 0 && status.st_uid == 0)
		return matr_fail(err, MATR_ERROR_DENIED, directory, "only root may change it");
	if (permission && stat(directory, &status) == 0 && status.st_uid != geteuid())
		return matr_fail(err, MATR_ERROR_DENIED, directory,
				 "only root and user %u may change it", (unsigned)status.st_uid);
	errno = reason;
	return matr_fail_errno(err, path, "%s", what);
}

/* Suffix for mkostemp(). No other file has such a name by chance. */
static const char pattern[] = ".matr-tmp.XXXXXX";

enum { RANDOM = 6 }; /* characters that mkostemp() chooses */

static int write_pieces(int fd, const struct file_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (write_all(fd, pieces[i].data, pieces[i].size) < 0)
			return -1;
	}
	return 0;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode, struct matr_error *err)
{
	const struct file_piece whole = {data, size};

	return file_write_pieces(path, &whole, 1, mode, err);
}

int file_write_pieces(const char *path, const struct file_piece *pieces, size_t n, mode_t mode,
		      struct matr_error *err)
{
	char temporary[PATH_MAX], directory[PATH_MAX];

	if (snprintf(temporary, sizeof temporary, "%s%s", path, pattern) >= (int)sizeof temporary)
		return matr_fail(err, MATR_ERROR_USAGE, path, "path is too long");
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return file_fail_to_change(path, "cannot be written", err);
	int result = 0;
	if (write_pieces(fd, pieces, n) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0)
		result = matr_fail_errno(err, path, "cannot be written");
	if (close(fd) < 0 && !result)
		result = matr_fail_errno(err, path, "cannot be written");
	if (!result && rename(temporary, path) < 0)
		result = file_fail_to_change(path, "cannot be replaced", err);
	if (result) {
		unlink(temporary);
		return -1;
	}
	directory_of(path, directory);
	return file_sync_directory(directory, err);
}

bool file_is_leftover_of(const char *entry, const char *name)
{
	size_t length = strlen(name), fixed = sizeof pattern - 1 - RANDOM;

	return strncmp(entry, name, length) == 0 && strncmp(entry + length, pattern, fixed) == 0 &&
	       strlen(entry + length) == sizeof pattern - 1 &&
	       strspn(entry + length + fixed, "abcdefghijklmnopqrstuvwxyz"
					      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == RANDOM;
}

int file_remove_leftovers(const char *directory, const char *const *names, size_t n,
			  struct matr_error *err)
{
	DIR *list = opendir(directory);
	const struct dirent *entry;
	struct stat status;
	int result = 0;

	if (!list)
		return matr_fail_errno(err, directory, "cannot be read");
	while (result == 0 && (errno = 0, entry = readdir(list)) != NULL) {
		bool leftover = false;
		for (size_t i = 0; i < n && !leftover; i++)
			leftover = file_is_leftover_of(entry->d_name, names[i]) &&
				   fstatat(dirfd(list), entry->d_name, &status,
					   AT_SYMLINK_NOFOLLOW) == 0 &&
				   S_ISREG(status.st_mode);
		if (leftover && unlinkat(dirfd(list), entry->d_name, 0) != 0 && errno != ENOENT)
			result = matr_fail_errno(err, directory, "cannot remove %s", entry->d_name);
	}
	if (result == 0 && errno)
		result = matr_fail_errno(err, directory, "cannot be read");
	closedir(list);
	return result;
}

int file_clean(const char *path, struct matr_error *err)
{
	char directory[PATH_MAX];
	const char *name = path_name(path);

	directory_of(path, directory);
	return file_remove_leftovers(directory, &name, 1, err);
}

int file_read(const char *path, size_t limit, void **data, size_t *size, struct matr_error *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int result = 0;

	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be opened");
	*data = NULL;
	if (fstat(fd, &status) < 0)
		result = matr_fail_errno(err, path, "cannot be read");
	else if (!S_ISREG(status.st_mode))
		result = matr_fail(err, MATR_ERROR_SYSTEM, path, "is not a regular file");
	else if ((uint64_t)status.st_size > limit)
		result = matr_fail(err, MATR_ERROR_MALFORMED, path, "is too large");
	else if (!(*data = malloc((size_t)status.st_size + 1)))
		result = matr_fail_memory(err);
	*size = 0;
	while (!result) {
		ssize_t n = read(fd, (char *)*data + *size, (size_t)status.st_size + 1 - *size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = matr_fail_errno(err, path, "cannot be read");
		if (n <= 0)
			break;
		*size += (size_t)n;
		if (*size > (size_t)status.st_size)
			result = matr_fail(err, MATR_ERROR_SYSTEM, path, "grew while it was read");
	}
	close(fd);
	if (result) {
		free(*data);
		*data = NULL;
	}
	return result;
}
