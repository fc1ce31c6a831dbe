/* overlay.c - other files in the place of those that are installed.
 *
 * A file that only has other contents is a bind mount. A name that comes or goes needs a directory
 * that can be written to: such a directory is mirrored, that is, a tmpfs takes its place in which
 * every file and directory is a bind mount of the one that it was, and every symbolic link the same
 * link. So all files keep the device and inode by which they are known, which an overlayfs would
 * not leave them, and every kernel with user namespaces can do it.
 *
 * All that is made on the way lies on a tmpfs that is mounted in the namespace only. So nothing is
 * left when the process is gone, whatever ended it, and no directory has to be tidied up.
 */
#include "matr/upgrade/overlay.h"

#include "common/path.h"
#include "common/subprocess.h"
#include "matr/namespace/private_mounts.h"
#include "matr/namespace/propagation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Directories that every system has and in which nothing is that programs are loaded from.
 * (Docker covers some of their kind with file systems of its own.) */
static const char *find_place(void)
{
	static const char *const places[] = {"/proc/fs", "/dev/shm"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (mount("tmpfs", places[i], "tmpfs", 0, "mode=755") == 0)
			return places[i];
	return NULL;
}

int overlay_enter(const char **work, struct matr_error *err)
{
	enum private_mounts mounts = private_mounts_enter(err);

	if (mounts == PRIVATE_MOUNTS_DENIED)
		mounts = private_mounts_enter_as_user(err);
	if (mounts != PRIVATE_MOUNTS || propagation_set(MS_PRIVATE, err) != 0)
		return -1;
	*work = find_place();
	if (!*work)
		return matr_fail_errno(err, NULL,
				       "no tmpfs can be mounted on /proc/fs or /dev/shm");
	return 0;
}

static int bind_over(const char *source, const char *target, struct matr_error *err)
{
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) != 0)
		return matr_fail_errno(err, target, "cannot mount %s over it", source);
	return 0;
}

int overlay_replace(const char *target, const char *source, struct matr_error *err)
{
	return bind_over(source, target, err);
}

/* ---- mirrors ---- */

static int copy_link(const char *from, const char *to, struct matr_error *err)
{
	char text[PATH_MAX];
	ssize_t length = readlink(from, text, sizeof text - 1);

	if (length < 0)
		return matr_fail_errno(err, from, "cannot be read");
	text[length] = 0;
	if (symlink(text, to) != 0)
		return matr_fail_errno(err, to, "cannot be made");
	return 0;
}

static int make_empty(const char *path, struct matr_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be made");
	close(fd);
	return 0;
}

static int mirror_entry(const char *from, const char *to, struct matr_error *err)
{
	struct stat status;

	if (lstat(from, &status) != 0)
		return matr_fail_errno(err, from, "cannot be read");
	if (S_ISLNK(status.st_mode))
		return copy_link(from, to, err);
	if (S_ISDIR(status.st_mode)) {
		if (mkdir(to, 0755) != 0)
			return matr_fail_errno(err, to, "cannot be made");
	} else if (make_empty(to, err) != 0) {
		return -1;
	}
	return bind_over(from, to, err);
}

static int mirror_entries(const char *directory, const char *mirror, struct matr_error *err)
{
	DIR *dir = opendir(directory);
	char from[PATH_MAX], to[PATH_MAX];
	struct dirent *entry;
	int result = 0;

	if (!dir)
		return matr_fail_errno(err, directory, "cannot be read");
	while (result == 0 && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (path_join(directory, entry->d_name, from, err) != 0 ||
		    path_join(mirror, entry->d_name, to, err) != 0 ||
		    mirror_entry(from, to, err) != 0)
			result = -1;
	}
	if (result == 0 && errno)
		result = matr_fail_errno(err, directory, "cannot be read");
	closedir(dir);
	return result;
}

/* A directory of ours: on the tmpfs at `work`. */
static int is_ours(const char *work, const char *path, struct matr_error *err)
{
	struct stat ours, status;

	if (stat(work, &ours) != 0)
		return matr_fail_errno(err, work, "cannot be read");
	if (stat(path, &status) != 0)
		return matr_fail_errno(err, path, "cannot be read");
	return ours.st_dev == status.st_dev;
}

static int make_writable(const char *work, const char *directory, struct matr_error *err)
{
	char mirror[PATH_MAX];
	int ours = is_ours(work, directory, err);

	if (ours != 0)
		return ours < 0 ? -1 : 0;
	if (strcmp(directory, "/") == 0)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, "/",
				 "new names in the root directory cannot be shown");
	if (path_join(work, "mirror.XXXXXX", mirror, err) != 0)
		return -1;
	if (!mkdtemp(mirror) || chmod(mirror, 0755) != 0)
		return matr_fail_errno(err, mirror, "cannot be made");
	/* A mount of its own, which moves with all that is mounted in it: a name that is a mount
	 * point somewhere in this namespace could not be taken away. */
	if (bind_over(mirror, mirror, err) != 0 || mirror_entries(directory, mirror, err) != 0)
		return -1;
	if (mount(mirror, directory, NULL, MS_MOVE, NULL) != 0)
		return matr_fail_errno(err, directory, "its mirror cannot be put there");
	return 0;
}

/* Make the directory of a name exist and writable. `out`: the name, with the directory
 * canonical. */
static int prepare(const char *work, const char *target, char out[PATH_MAX], struct matr_error *err)
{
	char parent[PATH_MAX], canonical[PATH_MAX];
	size_t length = path_directory(target);

	if (!length || !*path_name(target))
		return matr_fail(err, MATR_ERROR_USAGE, target,
				 "is not an absolute path of a file");
	if (snprintf(parent, sizeof parent, "%.*s", (int)length, target) >= (int)sizeof parent)
		return matr_fail(err, MATR_ERROR_USAGE, target, "path is too long");
	if (!realpath(parent, canonical)) {
		char directory[PATH_MAX];
		if (errno != ENOENT)
			return matr_fail_errno(err, parent, "cannot be resolved");
		if (prepare(work, parent, directory, err) != 0) /* as deep as paths are */
			return -1;
		if (mkdir(directory, 0755) != 0)
			return matr_fail_errno(err, directory, "cannot be made");
		if (!realpath(parent, canonical))
			return matr_fail_errno(err, parent, "cannot be resolved");
	}
	if (make_writable(work, canonical, err) != 0)
		return -1;
	return path_join(canonical, path_name(target), out, err);
}

static int drop(const char *path, struct matr_error *err)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (unlink(path) != 0 && errno != ENOENT)
		return matr_fail_errno(err, path, "cannot be taken away");
	return 0;
}

int overlay_remove(const char *work, const char *target, struct matr_error *err)
{
	char path[PATH_MAX];
	struct stat status;

	if (lstat(target, &status) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return matr_fail_errno(err, target, "cannot be read");
	}
	if (S_ISDIR(status.st_mode))
		return 0;
	return prepare(work, target, path, err) != 0 ? -1 : drop(path, err);
}

int overlay_put(const char *work, const char *target, const char *source, struct matr_error *err)
{
	struct stat there, new;
	char path[PATH_MAX];

	if (lstat(source, &new) != 0)
		return matr_fail_errno(err, source, "cannot be read");
	bool is_there = lstat(target, &there) == 0;
	if (is_there && S_ISREG(there.st_mode) && S_ISREG(new.st_mode))
		return bind_over(source, target, err);
	if (is_there && S_ISDIR(there.st_mode))
		return 0; /* as dpkg: a directory, or a link to one, stays */
	if (prepare(work, target, path, err) != 0 || drop(path, err) != 0)
		return -1;
	return mirror_entry(source, path, err);
}

/* ---- ld.so.cache ---- */

int overlay_ldconfig(const char *work, struct matr_error *err)
{
	static const char cache[] = "/etc/ld.so.cache";
	char own[PATH_MAX], other[PATH_MAX];

	if (access(cache, F_OK) != 0)
		return 0;
	/* ldconfig keeps notes on files in /var/cache/ldconfig; those of our files must not be
	 * kept. */
	if (path_join(work, "notes", other, err) != 0 ||
	    path_join(work, "ld.so.cache", own, err) != 0)
		return -1;
	if (mkdir(other, 0755) != 0)
		return matr_fail_errno(err, other, "cannot be made");
	if (access("/var/cache", F_OK) == 0 && bind_over(other, "/var/cache", err) != 0)
		return -1;
	char *ldconfig[] = {(char *)"/sbin/ldconfig", (char *)"-X", (char *)"-C", own, NULL};
	if (subprocess_run(ldconfig, work, cache, NULL, 0, err) != 0)
		return -1;
	return bind_over(own, cache, err);
}
