/* images.c - the images of a prefix. */
#include "epoch/images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <matr/prefix.h>

#include "base/array.h"
#include "base/file.h"
#include "base/path.h"
#include "base/prefix.h"

/* A name that no file has: ids begin again with a new store, and an image of the former may be
 * mapped. */
static int free_name(const char *prefix, int64_t epoch, char name[PREFIX_IMAGE_NAME],
		     char path[PATH_MAX], struct matr_error *err)
{
	struct stat status;

	for (unsigned n = 0;; n++) {
		if (n == 0)
			snprintf(name, PREFIX_IMAGE_NAME, "epoch.%" PRId64 ".image", epoch);
		else
			snprintf(name, PREFIX_IMAGE_NAME, "epoch.%" PRId64 "-%u.image", epoch, n);
		if (path_join(prefix, name, path, err) != 0)
			return -1;
		if (lstat(path, &status) != 0)
			return errno == ENOENT ? 0 : matr_fail_errno(err, path, "cannot be used");
	}
}

int images_put_in_force(const char *prefix, const char *path, int64_t epoch, struct matr_error *err)
{
	char name[PREFIX_IMAGE_NAME], own[PATH_MAX], next[PATH_MAX], image[PATH_MAX];

	if (free_name(prefix, epoch, name, own, err) != 0 ||
	    path_join(prefix, PREFIX_NEXT_IMAGE, next, err) != 0 ||
	    path_join(prefix, MATR_IMAGE_FILE, image, err) != 0)
		return -1;
	if (rename(path, own) != 0)
		return matr_fail_errno(err, own, "cannot be made");
	/* The image is under its name before a link leads to it. */
	if (file_sync_directory(prefix, err) != 0)
		return -1;
	if (symlink(name, next) != 0)
		return matr_fail_errno(err, next, "cannot be made");
	if (rename(next, image) != 0)
		return matr_fail_errno(err, image, "cannot be replaced");
	return file_sync_directory(prefix, err);
}

/* ---- retired images ---- */

struct retired {
	char name[PREFIX_IMAGE_NAME];
	dev_t device;
	ino_t inode;
	uint64_t bytes; /* of the disk */
	bool mapped;
};

static void read_link(const char *prefix, const char *name, char out[PREFIX_IMAGE_NAME])
{
	char path[PATH_MAX];
	ssize_t n = -1;

	if (path_join(prefix, name, path, NULL) == 0)
		n = readlink(path, out, PREFIX_IMAGE_NAME - 1);
	out[n > 0 ? n : 0] = 0;
}

/* List them. *out: free(). Returns how many; 0 also if the directory cannot be read. */
static size_t list_retired(const char *prefix, struct retired **out)
{
	char in_force[PREFIX_IMAGE_NAME], ended[PREFIX_IMAGE_NAME];
	DIR *directory = opendir(prefix);
	const struct dirent *entry;
	struct stat status;
	size_t n = 0;

	*out = NULL;
	if (!directory)
		return 0;
	read_link(prefix, MATR_IMAGE_FILE, in_force);
	read_link(prefix, MATR_ENDED_IMAGE_FILE, ended);
	while ((entry = readdir(directory)) != NULL) {
		if (!prefix_is_image(entry->d_name) || strcmp(entry->d_name, in_force) == 0 ||
		    strcmp(entry->d_name, ended) == 0 ||
		    fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(status.st_mode) || array_grow(out, n, sizeof **out, NULL) != 0)
			continue;
		struct retired *retired = &(*out)[n++];
		*retired = (struct retired){.device = status.st_dev,
					    .inode = status.st_ino,
					    .bytes = (uint64_t)status.st_blocks * 512};
		memcpy(retired->name, entry->d_name, strlen(entry->d_name) + 1);
	}
	closedir(directory);
	return n;
}

void images_retired(const char *prefix, size_t *n, uint64_t *bytes)
{
	struct retired *list;

	*n = list_retired(prefix, &list);
	*bytes = 0;
	for (size_t i = 0; i < *n; i++)
		*bytes += list[i].bytes;
	free(list);
}

/* ---- mapped images ---- */

/* One line of /proc/PID/maps: by the path as this process sees it, or by the inode. */
static void look_at_line(const char *prefix, const char *line, struct retired *list, size_t n)
{
	unsigned device_major, device_minor;
	uint64_t inode;
	int path = 0;

	if (!strstr(line, ".image") || sscanf(line, "%*x-%*x %*s %*x %x:%x %" SCNu64 " %n",
					      &device_major, &device_minor, &inode, &path) < 3)
		return;
	size_t length = strlen(prefix);
	const char *name = line + path;
	bool here = path && strncmp(name, prefix, length) == 0 && name[length] == '/';
	for (size_t i = 0; i < n; i++) {
		bool same = inode == list[i].inode && device_major == major(list[i].device) &&
			    device_minor == minor(list[i].device);
		size_t own = strlen(list[i].name);
		if (same || (here && strncmp(name + length + 1, list[i].name, own) == 0))
			list[i].mapped = true;
	}
}

static void look_at_process(const char *prefix, const char *pid, struct retired *list, size_t n)
{
	char path[64], *line = NULL;
	size_t room = 0;

	snprintf(path, sizeof path, "/proc/%.20s/maps", pid);
	FILE *maps = fopen(path, "re"); /* of others' processes only root's */
	if (!maps)
		return;
	while (getline(&line, &room, maps) > 0)
		look_at_line(prefix, line, list, n);
	free(line);
	fclose(maps);
}

/* Without /proc, as in a tree whose system does not run, nothing is found. */
static void find_mapped(const char *prefix, struct retired *list, size_t n)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (!proc)
		return;
	while ((entry = readdir(proc)) != NULL) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			look_at_process(prefix, entry->d_name, list, n);
	}
	closedir(proc);
}

/* Find out whether a process has the file open or mapped, in other PID namespaces too: the kernel
 * refuses a write lease then. Returns false also where the file system has no leases. */
static bool is_open_elsewhere(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	bool busy = fcntl(fd, F_SETLEASE, F_WRLCK) != 0 && errno == EAGAIN;
	close(fd);
	return busy;
}

void images_sweep(const char *prefix, size_t *left)
{
	struct retired *list;
	char path[PATH_MAX];
	size_t n = list_retired(prefix, &list), kept = n;

	if (n)
		find_mapped(prefix, list, n);
	for (size_t i = 0; i < n; i++)
		if (!list[i].mapped && path_join(prefix, list[i].name, path, NULL) == 0 &&
		    !is_open_elsewhere(path) && unlink(path) == 0)
			kept--;
	free(list);
	if (left)
		*left = kept;
}
