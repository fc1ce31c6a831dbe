/* marker.c - files of the prefix that outlive an epoch: whether it is suspended, and for which
 * programs it was begun.
 *
 * Packages are changed in management time. A package manager's hook or `matr epoch wrap` suspends
 * the epoch first and resumes it afterwards. The suspension is marked before the epoch ends, and
 * the mark goes with the next begin: after a kill in between, the next call that resumes does it. A
 * hook begins no epoch that was not in force. An epoch that another command ends in between stays
 * ended.
 */
#include "epoch/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/prefix.h>
#include <matr/scan.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/path.h"

enum { LIST_MAX = 16 << 20 }; /* bytes of names */

static int forget(const char *prefix, const char *name, struct matr_error *err)
{
	char path[PATH_MAX];

	if (path_join(prefix, name, path, err) != 0)
		return -1;
	if (unlink(path) != 0 && errno != ENOENT)
		return matr_fail_errno(err, path, "cannot be removed");
	return 0;
}

int epoch_mark_suspended(const char *prefix, const char *by, struct matr_error *err)
{
	char mark[PATH_MAX], line[300];

	if (path_join(prefix, MATR_SUSPENDED_FILE, mark, err) != 0)
		return -1;
	int length = snprintf(line, sizeof line, "%.250s\n", by);
	return file_write(mark, line, (size_t)length, 0644, err);
}

int matr_epoch_suspended(const char *prefix, char by[256], struct matr_error *err)
{
	char mark[PATH_MAX];

	if (path_join(prefix, MATR_SUSPENDED_FILE, mark, err) != 0)
		return -1;
	int fd = open(mark, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : matr_fail_errno(err, mark, "cannot be read");
	ssize_t n = read(fd, by, 255);
	close(fd);
	by[n > 0 ? n : 0] = 0;
	by[strcspn(by, "\n")] = 0;
	return 1;
}

int epoch_forget_suspension(const char *prefix, struct matr_error *err)
{
	return forget(prefix, MATR_SUSPENDED_FILE, err);
}

/* ---- programs of an epoch ---- */

/* Stands for the whole system, before programs that were added to that. No path is like it. */
static const char whole_system[] = "*";

static int add_name(struct buffer *list, const char *name, struct matr_error *err)
{
	uint64_t at;

	return buffer_append(list, name, strlen(name) + 1, 1, &at, err);
}

static int compare_names(const void *name, const void *other)
{
	return strcmp(name, *(char *const *)other);
}

static bool is_scanned(const struct matr_scan *scan, const char *path)
{
	return scan && scan->n_programs &&
	       bsearch(path, scan->programs, scan->n_programs, sizeof *scan->programs,
		       compare_names);
}

int epoch_keep_programs(const char *prefix, const struct matr_epoch_result *results, size_t n,
			const struct matr_scan *scan, struct matr_error *err)
{
	char path[PATH_MAX];
	struct buffer list = {0};
	size_t kept = 0;

	int result = path_join(prefix, MATR_PROGRAMS_FILE, path, err);
	if (result == 0 && scan)
		result = add_name(&list, whole_system, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		if (is_scanned(scan, results[i].path))
			continue;
		kept++;
		result = add_name(&list, results[i].path, err);
	}
	if (result == 0 && !kept) {
		buffer_free(&list);
		return forget(prefix, MATR_PROGRAMS_FILE, err);
	}
	if (result == 0)
		result = file_write(path, list.bytes, list.size, 0644, err);
	buffer_free(&list);
	return result;
}

/* List the names in the file, whole_system among them. */
static int read_programs(const char *prefix, char ***out, size_t *n, struct matr_error *err)
{
	char path[PATH_MAX];
	void *data;
	size_t size;

	*out = NULL;
	*n = 0;
	if (path_join(prefix, MATR_PROGRAMS_FILE, path, err) != 0)
		return -1;
	if (access(path, F_OK) != 0)
		return 0;
	if (file_read(path, LIST_MAX, &data, &size, err) != 0)
		return -1;
	char *text = data;
	text[size] = 0; /* file_read() leaves room */
	size_t count = 0;
	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		count++;
	char **list = calloc(count + 1, sizeof *list);
	if (!list) {
		free(data);
		return matr_fail_memory(err);
	}
	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		list[(*n)++] = text + at;
	if (!count)
		free(data);
	*out = list;
	return 0;
}

int matr_epoch_programs(const char *prefix, char ***out, size_t *n, struct matr_error *err)
{
	if (read_programs(prefix, out, n, err) != 0)
		return -1;
	if (!*n || strcmp((*out)[0], whole_system) != 0)
		return 0;
	matr_epoch_programs_free(*out);
	*out = NULL;
	*n = 0;
	return 0;
}

int epoch_kept_programs(const char *prefix, char ***out, size_t *n, size_t *first,
			struct matr_error *err)
{
	if (read_programs(prefix, out, n, err) != 0)
		return -1;
	*first = *n && strcmp((*out)[0], whole_system) == 0;
	return 0;
}

void matr_epoch_programs_free(char **programs)
{
	if (programs)
		free(programs[0]); /* the names are one block */
	free(programs);
}
