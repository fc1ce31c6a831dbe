/* prefix.c - the directory of a store and image; see prefix.h. */
#include "base/prefix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"

int prefix_make(const char *prefix, char canonical[PATH_MAX], struct matr_error *err)
{
	char path[PATH_MAX];

	if (!*prefix || snprintf(path, sizeof path, "%s", prefix) >= (int)sizeof path)
		return matr_fail(err, MATR_ERROR_USAGE, prefix, "not usable as a prefix");
	for (char *slash = path + 1;; slash++) {
		if (*slash != '/' && *slash != 0)
			continue;
		char end = *slash;
		*slash = 0;
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return file_fail_to_change(path, "cannot create directory", err);
		if (!end)
			break;
		*slash = '/';
	}
	if (!realpath(prefix, canonical))
		return matr_fail_errno(err, prefix, "no usable directory");
	return 0;
}

static int check_owner(const char *path, const struct stat *status, struct matr_error *err)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return matr_fail(err, MATR_ERROR_UNTRUSTED, path,
				 "belongs to user %u, neither root nor you",
				 (unsigned)status->st_uid);
	bool sticky = S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX);
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) && !sticky)
		return matr_fail(err, MATR_ERROR_UNTRUSTED, path,
				 "others may write to it (mode %04o)",
				 (unsigned)(status->st_mode & 07777));
	return 0;
}

static int check_directory(const char *path, struct matr_error *err)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return matr_fail_errno(err, path, "cannot look at directory");
	if (!S_ISDIR(status.st_mode))
		return matr_fail(err, MATR_ERROR_UNTRUSTED, path, "not a directory");
	return check_owner(path, &status, err);
}

int prefix_check_file(const char *canonical, const char *name, struct matr_error *err)
{
	char path[PATH_MAX];
	struct stat status;

	if (path_join(canonical, name, path, err) != 0)
		return -1;
	if (lstat(path, &status) != 0)
		return errno == ENOENT ? 0 : matr_fail_errno(err, path, "cannot look at file");
	if (!S_ISREG(status.st_mode))
		return matr_fail(err, MATR_ERROR_UNTRUSTED, path, "not a regular file");
	return check_owner(path, &status, err);
}

int prefix_check(const char *canonical, struct matr_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s", canonical);
	for (;;) {
		if (check_directory(path, err) != 0)
			return -1;
		if (!path_cut(path))
			return 0;
	}
}

int matr_prefix_trusted(const char *prefix, struct matr_error *err)
{
	static const char *const files[] = {MATR_IMAGE_FILE, MATR_INTERPRETER_FILE,
					    MATR_LD_STABLE_FILE, MATR_REAL_LOADER_FILE};
	char canonical[PATH_MAX];

	if (!realpath(prefix, canonical))
		return matr_fail_errno(err, prefix, "cannot be resolved");
	if (prefix_check(canonical, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if (prefix_check_file(canonical, files[i], err) != 0)
			return -1;
	}
	return 0;
}

int prefix_lock(const char *canonical, bool wait, struct matr_error *err)
{
	char path[PATH_MAX];

	if (path_join(canonical, "lock", path, err) != 0)
		return -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return file_fail_to_change(path, "cannot open the lock", err);
	while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			matr_fail(err, MATR_ERROR_BUSY, path,
				  "another process is beginning or ending an epoch");
		else
			matr_fail_errno(err, path, "cannot lock");
		close(fd);
		return -1;
	}
	return fd;
}

/* By their names, in the directory itself: not through a link, and nothing else that may be in
 * it. */
int prefix_remove_trial(const char *canonical, struct matr_error *err)
{
	static const char *const names[] = {MATR_IMAGE_FILE, MATR_LD_STABLE_FILE,
					    MATR_REAL_LOADER_FILE, MATR_INTERPRETER_FILE};
	char path[PATH_MAX];

	if (path_join(canonical, PREFIX_TRIAL, path, err) != 0)
		return -1;
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return errno == ENOENT ? 0 : matr_fail_errno(err, path, "cannot be removed");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(directory, names[i], 0); /* what stays shows in the end */
	close(directory);
	if (file_remove_leftovers(path, names, sizeof names / sizeof *names, err) != 0)
		return -1;
	if (rmdir(path) != 0)
		return matr_fail_errno(err, path, "cannot be removed");
	return 0;
}

int prefix_clean(const char *canonical, struct matr_error *err)
{
	static const char *const names[] = {PREFIX_NEXT_IMAGE,	   MATR_LD_STABLE_FILE,
					    MATR_REAL_LOADER_FILE, MATR_INTERPRETER_FILE,
					    MATR_PROGRAMS_FILE,	   MATR_SUSPENDED_FILE};
	char next[PATH_MAX];

	if (path_join(canonical, PREFIX_NEXT_IMAGE, next, err) != 0)
		return -1;
	if (unlink(next) != 0 && errno != ENOENT)
		return matr_fail_errno(err, next, "cannot be removed");
	if (prefix_remove_trial(canonical, err) != 0)
		return -1;
	return file_remove_leftovers(canonical, names, sizeof names / sizeof *names, err);
}
