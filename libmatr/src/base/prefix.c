/* prefix.c - the directory of a store and image. */
#include "base/prefix.h"

#include <dirent.h>
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

/* ---- the mark of a prefix ---- */

static const char mark_begins[] = "MatR prefix ";

enum { MARK_VERSION = 1 };

/* 1: the mark is there; 0: it is not; -1: it is another's, or a newer MatR's. */
static int look_at_mark(const char *canonical, struct matr_error *err)
{
	char path[PATH_MAX], text[64] = "";
	struct stat status;

	if (path_join(canonical, MATR_PREFIX_MARK, path, err) != 0)
		return -1;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : matr_fail_errno(err, path, "cannot be read");
	ssize_t n = fstat(fd, &status) == 0 && S_ISREG(status.st_mode)
			    ? read(fd, text, sizeof text - 1)
			    : -1;
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (strncmp(text, mark_begins, sizeof mark_begins - 1) != 0)
		return matr_fail(err, MATR_ERROR_STATE, path, "is not the mark of a prefix");
	if (atoi(text + sizeof mark_begins - 1) > MARK_VERSION)
		return matr_fail(err, MATR_ERROR_STATE, canonical, "is a newer MatR's prefix");
	return 1;
}

/* Before there were marks: an empty lock, and a store. */
static bool is_earlier_prefix(const char *canonical)
{
	static const char magic[] = "SQLite format 3";
	char path[PATH_MAX], text[sizeof magic] = "";
	struct stat status;

	if (path_join(canonical, "lock", path, NULL) != 0 || lstat(path, &status) != 0 ||
	    !S_ISREG(status.st_mode) || status.st_size != 0 ||
	    path_join(canonical, "store.db", path, NULL) != 0)
		return false;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool same = read(fd, text, sizeof text) == sizeof text &&
		    memcmp(text, magic, sizeof magic) == 0;
	close(fd);
	return same;
}

/* Test whether the entry is an empty file with the lock's name. An earlier MatR that found nothing
 * to end left only that. */
static bool is_idle_lock(int directory, const char *name)
{
	struct stat status;

	return strcmp(name, "lock") == 0 &&
	       fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode) && status.st_size == 0;
}

/* Test whether the directory is empty. A file system's own entries and an idle lock do not count.
 * Neither does the mark of a MatR that was killed before the rename. Returns 1 if so, 0 if not, -1
 * on error. */
static int is_empty(const char *canonical, struct matr_error *err)
{
	DIR *list = opendir(canonical);
	const struct dirent *entry;
	int empty = 1;

	if (!list)
		return errno == ENOENT || errno == ENOTDIR
			       ? 1
			       : matr_fail_errno(err, canonical, "cannot be read");
	while (empty && (entry = readdir(list)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			strcmp(entry->d_name, "lost+found") == 0 ||
			file_is_leftover_of(entry->d_name, MATR_PREFIX_MARK) ||
			is_idle_lock(dirfd(list), entry->d_name);
	closedir(list);
	return empty;
}

/* 1: it is marked; 0: it may be; -1: error. */
static int recognize(const char *canonical, struct matr_error *err)
{
	int marked = look_at_mark(canonical, err);
	if (marked != 0)
		return marked;
	if (is_earlier_prefix(canonical))
		return 0;
	int empty = is_empty(canonical, err);
	if (empty != 0)
		return empty < 0 ? -1 : 0;
	/* Another process may have made it meanwhile. */
	marked = look_at_mark(canonical, err);
	if (marked != 0)
		return marked;
	char path[PATH_MAX];
	if (access(canonical, W_OK) != 0 && path_join(canonical, MATR_PREFIX_MARK, path, NULL) == 0)
		return file_fail_to_change(path, "cannot be written", err);
	return matr_fail(err, MATR_ERROR_STATE, canonical,
			 "is not empty, and no prefix of MatR's (" MATR_PREFIX_MARK
			 " is not there): name an empty directory, or one that does not exist");
}

int matr_prefix_recognize(const char *prefix, struct matr_error *err)
{
	return recognize(prefix, err) < 0 ? -1 : 0;
}

/* The first file of a prefix. */
static int make_mark(const char *canonical, struct matr_error *err)
{
	char path[PATH_MAX], text[64];

	int marked = recognize(canonical, err);
	if (marked != 0)
		return marked < 0 ? -1 : 0;
	if (path_join(canonical, MATR_PREFIX_MARK, path, err) != 0)
		return -1;
	int length = snprintf(text, sizeof text, "%s%d\n", mark_begins, MARK_VERSION);
	return file_write(path, text, (size_t)length, 0644, err);
}

int prefix_make(const char *prefix, char canonical[PATH_MAX], struct matr_error *err)
{
	char path[PATH_MAX];
	struct stat status;

	if (!*prefix || snprintf(path, sizeof path, "%s", prefix) >= (int)sizeof path)
		return matr_fail(err, MATR_ERROR_USAGE, prefix, "not usable as a prefix");
	for (char *slash = path + 1;; slash++) {
		if (*slash != '/' && *slash != 0)
			continue;
		char end = *slash;
		*slash = 0;
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return file_fail_to_change(path, "cannot create directory", err);
		if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
			return matr_fail(err, MATR_ERROR_STATE, path, "is not a directory");
		if (!end)
			break;
		*slash = '/';
	}
	if (!realpath(prefix, canonical))
		return matr_fail_errno(err, prefix, "no usable directory");
	return make_mark(canonical, err);
}

int matr_prefix_create(const char *prefix, struct matr_error *err)
{
	char canonical[PATH_MAX];

	return prefix_make(prefix, canonical, err);
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

bool prefix_is_image(const char *name)
{
	static const char head[] = "epoch.", digits[] = "0123456789";

	if (strncmp(name, head, sizeof head - 1) != 0)
		return false;
	name += sizeof head - 1;
	size_t n = strspn(name, digits), more = 0;
	if (n && name[n] == '-') {
		more = strspn(name + n + 1, digits);
		n += more ? more + 1 : 0;
	}
	return n && n < 48 && strcmp(name + n, ".image") == 0;
}

/* Test whether the link of that name leads to an image beside it. *status receives the image's. */
static bool leads_to_image(const char *canonical, const char *link, const char *name,
			   struct stat *status)
{
	char target[PREFIX_IMAGE_NAME], path[PATH_MAX];

	if (strcmp(name, MATR_IMAGE_FILE) != 0 && strcmp(name, MATR_ENDED_IMAGE_FILE) != 0)
		return false;
	ssize_t n = readlink(link, target, sizeof target - 1);
	target[n > 0 ? n : 0] = 0;
	return prefix_is_image(target) && path_join(canonical, target, path, NULL) == 0 &&
	       lstat(path, status) == 0 && S_ISREG(status->st_mode);
}

int prefix_check_file(const char *canonical, const char *name, struct matr_error *err)
{
	char path[PATH_MAX];
	struct stat status;

	if (path_join(canonical, name, path, err) != 0)
		return -1;
	if (lstat(path, &status) != 0)
		return errno == ENOENT ? 0 : matr_fail_errno(err, path, "cannot look at file");
	if (S_ISLNK(status.st_mode) && leads_to_image(canonical, path, name, &status))
		return check_owner(path, &status, err);
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

	/* The mark comes before anything else. */
	if (make_mark(canonical, err) < 0 || path_join(canonical, "lock", path, err) != 0)
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
	static const char *const names[] = {
		PREFIX_NEXT_IMAGE,     MATR_LD_STABLE_FILE, MATR_REAL_LOADER_FILE,
		MATR_INTERPRETER_FILE, MATR_PROGRAMS_FILE,  MATR_SUSPENDED_FILE,
		MATR_PREFIX_MARK,
	};
	char next[PATH_MAX];

	if (path_join(canonical, PREFIX_NEXT_IMAGE, next, err) != 0)
		return -1;
	if (unlink(next) != 0 && errno != ENOENT)
		return matr_fail_errno(err, next, "cannot be removed");
	if (prefix_remove_trial(canonical, err) != 0)
		return -1;
	return file_remove_leftovers(canonical, names, sizeof names / sizeof *names, err);
}
