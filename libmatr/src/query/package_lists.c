/* package_lists.c - the lines of dpkg's lists of files.
 *
 * A system has a thousand lists with a hundred thousand paths and more. So they are read in blocks
 * that stay in the CPU's cache, and most lines are passed over by their last bytes alone.
 */
#include "query/package_lists.h"

#include <matr/diversions.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "query/diversions.h"

enum {
	BLOCK = 1 << 16, /* bytes, far more than a path */
	END_BITS = 16,	 /* of the hash of an end */
	N_ENDS = 1 << 16,
};

static const char suffix[] = ".list";

struct package_lists {
	const char *directory;
	int fd; /* of the directory */
	struct matr_diversions *diversions;
	bool restricted;	    /* to paths with these ends */
	uint64_t ends[N_ENDS / 64]; /* a bit each, by hash */
	char block[BLOCK + 1];	    /* with room for a NUL */
};

const char *package_path(const char *path)
{
	return strncmp(path, "/usr/", 5) == 0 ? path + 4 : path;
}

bool package_list_is(const char *file)
{
	size_t length = strlen(file);

	return length >= sizeof suffix && strcmp(file + length - (sizeof suffix - 1), suffix) == 0;
}

int package_lists_open(const char *directory, struct package_lists **out, struct matr_error *err)
{
	*out = NULL;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	struct package_lists *lists = malloc(sizeof *lists);
	if (!lists) {
		close(fd);
		return matr_fail_memory(err);
	}
	lists->directory = directory;
	lists->fd = fd;
	lists->diversions = NULL;
	lists->restricted = false;
	if (matr_diversions_read(directory, &lists->diversions, err) != 0) {
		package_lists_free(lists);
		return -1;
	}
	*out = lists;
	return 1;
}

void package_lists_free(struct package_lists *lists)
{
	if (!lists)
		return;
	matr_diversions_free(lists->diversions);
	close(lists->fd);
	free(lists);
}

/* ---- wanted paths ---- */

/* Hash the last eight bytes, which tell more than the first ones. */
static size_t hash_of_end(const char *path, size_t length)
{
	uint64_t bytes = 0;

	if (length >= sizeof bytes)
		memcpy(&bytes, path + length - sizeof bytes, sizeof bytes);
	else
		memcpy(&bytes, path, length);
	return (bytes * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - END_BITS);
}

static void add_end(struct package_lists *lists, const char *path)
{
	const char *shown = package_path(path);
	size_t hash = hash_of_end(shown, strlen(shown));

	lists->ends[hash / 64] |= UINT64_C(1) << hash % 64;
}

static bool has_wanted_end(const struct package_lists *lists, const char *path, size_t length)
{
	size_t hash = hash_of_end(path, length);

	return lists->ends[hash / 64] >> hash % 64 & 1;
}

void package_lists_want(struct package_lists *lists, const char *const *paths, size_t n)
{
	const char *from;

	memset(lists->ends, 0, sizeof lists->ends);
	for (size_t i = 0; i < n; i++)
		add_end(lists, paths[i]);
	/* A wanted path may be the other end of any diversion. */
	for (size_t i = 0; (from = diversions_from(lists->diversions, i)) != NULL; i++)
		add_end(lists, from);
	lists->restricted = true;
}

/* ---- reading ---- */

struct reading { /* of a list */
	struct package_lists *lists;
	const char *package;
	int (*visit)(const char *path, const char *package, void *context, struct matr_error *err);
	void *context;
};

/* line: its end is a NUL. */
static int take_line(const struct reading *reading, const char *line, size_t length,
		     struct matr_error *err)
{
	const struct package_lists *lists = reading->lists;
	const char *path = package_path(line);

	if (lists->restricted && !has_wanted_end(lists, path, length - (size_t)(path - line)))
		return 0;
	path = matr_diverted(lists->diversions, line, reading->package);
	return reading->visit(package_path(path), reading->package, reading->context, err);
}

/* Take the whole lines of the block's `size` bytes. *used: their size. */
static int take_lines(const struct reading *reading, size_t size, size_t *used,
		      struct matr_error *err)
{
	char *at = reading->lists->block, *end = at + size, *stop;
	int result = 0;

	while (!result && (stop = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		*stop = 0;
		result = take_line(reading, at, (size_t)(stop - at), err);
		at = stop + 1;
	}
	*used = (size_t)(at - reading->lists->block);
	return result;
}

/* Get the path of a list, for messages. */
static const char *list_path(const struct package_lists *lists, const char *file,
			     char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", lists->directory, file);
	return path;
}

static int fail(const struct package_lists *lists, const char *file, const char *what,
		struct matr_error *err)
{
	char path[PATH_MAX];
	int reason = errno;

	list_path(lists, file, path);
	errno = reason;
	return matr_fail_errno(err, path, "%s", what);
}

static int read_blocks(const struct reading *reading, int fd, const char *file,
		       struct matr_error *err)
{
	struct package_lists *lists = reading->lists;
	size_t size = 0, used; /* size: of what the block has */
	char path[PATH_MAX];

	for (;;) {
		ssize_t n = read(fd, lists->block + size, BLOCK - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(lists, file, "cannot be read", err);
		if (n == 0)
			break;
		size += (size_t)n;
		int result = take_lines(reading, size, &used, err);
		if (result)
			return result;
		size -= used;
		memmove(lists->block, lists->block + used, size);
		if (size == BLOCK)
			return matr_fail(err, MATR_ERROR_MALFORMED, list_path(lists, file, path),
					 "has a line of more than %d bytes", BLOCK);
	}
	lists->block[size] = 0;
	return size ? take_line(reading, lists->block, size, err) : 0;
}

int package_list_read(struct package_lists *lists, const char *file,
		      int (*visit)(const char *path, const char *package, void *context,
				   struct matr_error *err),
		      void *context, struct matr_error *err)
{
	char name[NAME_MAX + 1], path[PATH_MAX];
	const struct reading reading = {lists, name, visit, context};
	struct stat status;
	int result;

	snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - (sizeof suffix - 1)), file);
	int fd = openat(lists->fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(lists, file, "cannot be opened", err);
	if (fstat(fd, &status) < 0)
		result = fail(lists, file, "cannot be read", err);
	else if (!S_ISREG(status.st_mode))
		result = matr_fail(err, MATR_ERROR_SYSTEM, list_path(lists, file, path),
				   "is not a regular file");
	else
		result = read_blocks(&reading, fd, file, err);
	close(fd);
	return result;
}

static int is_list(const struct dirent *entry)
{
	return package_list_is(entry->d_name);
}

int package_lists_read_all(struct package_lists *lists,
			   int (*visit)(const char *path, const char *package, void *context,
					struct matr_error *err),
			   void *context, struct matr_error *err)
{
	struct dirent **files;
	int result = 0;

	int n = scandirat(lists->fd, ".", &files, is_list, alphasort);
	if (n < 0)
		return matr_fail_errno(err, lists->directory, "cannot be read");
	for (int i = 0; i < n; i++) {
		if (!result)
			result = package_list_read(lists, files[i]->d_name, visit, context, err);
		free(files[i]);
	}
	free(files);
	return result;
}
