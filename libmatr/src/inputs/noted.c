/* noted.c - collecting what programs with record = always have noted.
 *
 * In root's prefix every user may create files in the directory, so what they contain is a hint. A
 * line is only taken if the configuration has its program recorded, and only root and the caller
 * can write to the library and to the directories that lead to it. The files and the lines taken
 * from them are limited in number and size, and every file is removed.
 */
#include "inputs/noted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/loader_format.h>
#include <matr/recording.h>

#include "base/path.h"
#include "base/prefix.h"
#include "base/resources.h"
#include "inputs/recording.h"

enum {
	MAX_FILES = 4096,	     /* at one time */
	MAX_BYTES = 2 << 20,	     /* of all of them; the rest is removed unread */
	MAX_LOADS = 1024,	     /* recorded for a program, until its notes are passed over */
	MAX_AGE = 90 * 24 * 60 * 60, /* seconds */
};

struct collecting {
	const struct matr_config *config;
	struct matr_recordings recordings;
	size_t n_added;
	size_t n_bytes; /* that were read */
};

static bool is_trusted_file(const char *path)
{
	char directory[PATH_MAX], name[NAME_MAX + 1];
	const char *last = strrchr(path, '/');

	if (!last || last == path || !last[1] || strlen(last + 1) > NAME_MAX ||
	    (size_t)(last - path) >= sizeof directory)
		return false;
	memcpy(directory, path, (size_t)(last - path));
	directory[last - path] = 0;
	strcpy(name, last + 1);
	return prefix_check(directory, NULL) == 0 && prefix_check_file(directory, name, NULL) == 0;
}

/* Neither the path nor what it leads to may be in others' hands. */
static bool is_trusted(const char *path)
{
	char canonical[PATH_MAX], directory[PATH_MAX];
	const char *last = strrchr(path, '/');

	if (strstr(path, "/../") || last == path || (size_t)(last - path) >= sizeof directory ||
	    !realpath(path, canonical) || !is_trusted_file(canonical))
		return false;
	memcpy(directory, path, (size_t)(last - path));
	directory[last - path] = 0;
	return prefix_check(directory, NULL) == 0;
}

static size_t count_of(const struct matr_recordings *recordings, const char *application)
{
	size_t n = 0;

	for (size_t i = 0; i < recordings->n; i++)
		n += strcmp(recordings->list[i].application, application) == 0;
	return n;
}

static int take(struct collecting *collecting, const struct matr_recordings *noted,
		struct matr_error *err)
{
	for (size_t i = 0; i < noted->n; i++) {
		const struct matr_recorded_load *load = &noted->list[i];
		bool flags_are_known = !strcmp(load->flags, "-") || !strcmp(load->flags, "lazy") ||
				       !strcmp(load->flags, "now");
		if (!flags_are_known ||
		    !matr_config_records(collecting->config, load->application) ||
		    count_of(&collecting->recordings, load->application) >= MAX_LOADS ||
		    !is_trusted(load->root))
			continue;
		int added = matr_recordings_add(&collecting->recordings, load, err);
		if (added < 0)
			return -1;
		collecting->n_added += (size_t)added;
	}
	return 0;
}

/* Read the file if it is what an ld-stable has made. */
static int read_file(struct collecting *collecting, int directory, const char *name,
		     struct matr_error *err)
{
	struct matr_recordings noted = {0};
	struct stat status;
	int result = 0;

	if (collecting->n_bytes >= MAX_BYTES)
		return 0;
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && resources_ran_out(errno)) /* a file that can be read is not removed unread */
		return matr_fail_errno(err, MATR_NOTED_DIRECTORY, "%s cannot be read", name);
	if (fd < 0)
		return 0;
	char *text = malloc(MATR_NOTED_SIZE);
	if (!text)
		result = matr_fail_memory(err);
	if (!result && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 &&
	    time(NULL) - status.st_mtime < MAX_AGE) {
		ssize_t size = read(fd, text, MATR_NOTED_SIZE);
		collecting->n_bytes += size > 0 ? (size_t)size : 0;
		if (size > 0)
			result = recordings_parse_noted(text, (size_t)size, &noted, err);
		if (!result)
			result = take(collecting, &noted, err);
	}
	matr_recordings_free(&noted);
	free(text);
	close(fd);
	return result;
}

static int read_directory(struct collecting *collecting, int fd, struct matr_error *err)
{
	DIR *directory = fdopendir(fd);
	int result = 0;

	if (!directory) {
		close(fd);
		return matr_fail_errno(err, MATR_NOTED_DIRECTORY, "cannot be read");
	}
	struct dirent *entry;
	for (size_t n = 0; n < MAX_FILES && !result && (entry = readdir(directory)); n++) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		result = read_file(collecting, dirfd(directory), entry->d_name, err);
		/* A directory that is not empty stays, which does no harm. */
		if (!result && unlinkat(dirfd(directory), entry->d_name, 0) != 0)
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
	return result;
}

/* Everyone who may run a program can create a file, and only root can read those of others. */
static int make_directory(const char *path, struct matr_error *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return matr_fail_errno(err, path, "cannot be made");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be opened");
	int result = fchmod(fd, geteuid() == 0 ? S_ISVTX | 0733 : 0700);
	if (result != 0)
		matr_fail_errno(err, path, "its mode cannot be set");
	close(fd);
	return result;
}

int noted_collect(const char *canonical, const struct matr_config *config, struct matr_error *err)
{
	struct collecting collecting = {.config = config};
	char path[PATH_MAX];
	int result = 0;

	if (path_join(canonical, MATR_NOTED_DIRECTORY, path, err) != 0)
		return -1;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		result = matr_recordings_read(canonical, &collecting.recordings, err);
		if (!result)
			result = read_directory(&collecting, fd, err);
		else
			close(fd);
		if (!result && collecting.n_added)
			result = matr_recordings_write(canonical, &collecting.recordings, err);
		matr_recordings_free(&collecting.recordings);
	}
	if (result != 0)
		return -1;
	if (matr_config_records(config, NULL))
		return make_directory(path, err);
	if (fd >= 0)
		rmdir(path); /* one that is not empty does no harm */
	return 0;
}
