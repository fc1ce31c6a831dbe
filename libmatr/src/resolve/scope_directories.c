/* scope_directories.c - where the files of a scope were found, and who can.
 *
 * At exec one look at each of these directories replaces one at each file (matr/mapping.h). And it
 * matters whether others than the one who begins the epoch can read the files: ld.so passes over
 * what it may not read.
 */
#include "resolve/scope_directories.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file_id.h"
#include "base/path.h"

enum { MAX_SYMBOLIC_LINKS = 40 };

struct directory_list {
	struct matr_directory *list;
	struct matr_file_id *ids; /* parallel: the same directory may have several names */
	size_t n;
	bool private;
};

/* Down to the root: the kernel asks every directory on the way. */
static bool everybody_enters(const char *path, const struct stat *directory)
{
	char at[PATH_MAX];
	struct stat status = *directory;

	if (!realpath(path, at))
		return false;
	for (;;) {
		if (!(status.st_mode & S_IXOTH))
			return false;
		if (!path_cut(at))
			return true;
		if (stat(at, &status) < 0)
			return false;
	}
}

static int add_directory(struct directory_list *list, const char *path, struct matr_error *err)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return matr_fail_errno(err, path, "cannot be read");
	for (size_t i = 0; i < list->n; i++) {
		if (file_id_same_inode(&list->ids[i], &status))
			return 0;
	}
	if (array_grow(&list->list, list->n, sizeof *list->list, err) != 0 ||
	    array_grow(&list->ids, list->n, sizeof *list->ids, err) != 0)
		return -1;
	char *copy = strdup(path);
	if (!copy)
		return matr_fail_memory(err);
	list->private |= !everybody_enters(path, &status);
	list->ids[list->n] = file_id_of(&status);
	list->list[list->n++] = (struct matr_directory){
		.path = copy,
		.mtime = timespec_ns(&status.st_mtim),
	};
	return 0;
}

/* The directories in which a name is looked up on the way to the file. */
static int add_way(struct directory_list *list, const char *path, struct matr_error *err)
{
	char at[PATH_MAX], target[PATH_MAX];

	snprintf(at, sizeof at, "%s", path);
	for (int links = 0; links < MAX_SYMBOLIC_LINKS; links++) {
		char *slash = strrchr(at, '/');
		ssize_t length = readlink(at, target, sizeof target - 1);
		struct stat status;
		if (length < 0)
			list->private |= stat(at, &status) < 0 || !(status.st_mode & S_IROTH);
		*slash = 0;
		if (add_directory(list, *at ? at : "/", err) < 0)
			return -1;
		if (length < 0)
			return 0;
		target[length] = 0;
		size_t start = target[0] == '/' ? 0 : (size_t)(slash - at);
		if (snprintf(at + start, sizeof at - start, "%s%s", start ? "/" : "", target) >=
		    (int)(sizeof at - start))
			break;
	}
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, path, "too many symbolic links");
}

int scope_directories(struct scope *scope, uint32_t first, struct matr_directory **out, size_t *n,
		      struct matr_error *err)
{
	struct directory_list list = {0};
	int result = 0;

	for (size_t i = first; i < scope->n && !result; i++) {
		if (i != scope->interpreter)
			result = add_way(&list, scope->entries[i].path, err);
	}
	free(list.ids);
	*out = list.list;
	*n = list.n;
	scope->flags |= list.private ? MATR_MAPPING_PRIVATE : 0;
	return result;
}
