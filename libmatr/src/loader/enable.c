/* enable.c - giving one program ld-stable as its interpreter, and undoing that.
 *
 * The order of the steps makes a kill harmless: matr-ld.so is there before anything names it, the
 * list has the program before its file is exchanged and until it is exchanged back, the original
 * has its second name before it loses the first.
 */
#include <matr/enable.h>
#include <matr/loader.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/enable_names.h"
#include "base/file.h"
#include "base/path.h"
#include "base/prefix.h"
#include "elf/interpreter.h"

enum {
	MAX_PROGRAM = 1 << 30,	  /* bytes */
	MAX_LIST = 16 << 20,	  /* bytes */
	MAX_ATTRIBUTES = 1 << 16, /* bytes of names, and of a value: the kernel's own limit */
};

static const char ours[] = "/lib64/" MATR_LOADER_FILE;
static const char list_path[] = "/lib64/" MATR_LOADER_ENABLED;

struct names {
	char directory[PATH_MAX];
	char original[PATH_MAX]; /* .NAME.matr-original */
	char next[PATH_MAX];	 /* .NAME.matr-new */
};

static int make_names(const char *program, struct names *names, struct matr_error *err)
{
	const char *name = path_name(program);

	if (program[0] != '/' || strchr(program, '\n'))
		return matr_fail(err, MATR_ERROR_USAGE, program, "is not a usable absolute path");
	int length = (int)(name - program);
	if (snprintf(names->directory, PATH_MAX, "%.*s", (int)path_directory(program), program) >=
		    PATH_MAX ||
	    snprintf(names->original, PATH_MAX, "%.*s.%s" ENABLE_ORIGINAL, length, program, name) >=
		    PATH_MAX ||
	    snprintf(names->next, PATH_MAX, "%.*s.%s" ENABLE_NEXT, length, program, name) >=
		    PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, program, "path is too long");
	return 0;
}

/* PT_INTERP of a file: 1 and the string; 0: it has none. */
static int interpreter_of(const char *program, void **bytes, size_t *size, char **interpreter,
			  size_t *room, struct matr_error *err)
{
	if (file_read(program, MAX_PROGRAM, bytes, size, err) != 0)
		return -1;
	*interpreter = elf_interpreter(*bytes, *size, room);
	return *interpreter != NULL;
}

/* Test whether the program names ld-stable as its interpreter. Returns 1 if so, 0 if not, -1 on
 * error. */
static int is_enabled(const char *program, struct matr_error *err)
{
	void *bytes;
	char *interpreter;
	size_t size, room;

	int result = interpreter_of(program, &bytes, &size, &interpreter, &room, err);
	if (result < 0)
		return -1;
	result = result && strcmp(interpreter, ours) == 0;
	free(bytes);
	return result;
}

/* ---- the list ---- */

static int lock_list(struct matr_error *err)
{
	int fd = open("/lib64", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return matr_fail_errno(err, "/lib64", "cannot be opened");
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		matr_fail_errno(err, "/lib64", "cannot be locked");
		close(fd);
		return -1;
	}
	if (file_clean(list_path, err) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int read_list(char **text, size_t *size, struct matr_error *err)
{
	void *data = NULL;

	*size = 0;
	if (access(list_path, F_OK) != 0 && errno == ENOENT)
		data = calloc(1, 1);
	else if (file_read(list_path, MAX_LIST, &data, size, err) != 0)
		return -1;
	if (!data)
		return matr_fail_memory(err);
	*text = data;
	(*text)[*size] = 0;
	return 0;
}

/* Take the program out of the list, and add it again where it is to be in it. */
static int change_list(const char *program, bool listed, struct matr_error *err)
{
	char *text;
	size_t size, length = strlen(program);
	struct buffer list = {0};
	uint64_t at;
	bool found = false;

	if (read_list(&text, &size, err) != 0)
		return -1;
	int result = 0;
	for (char *line = text; *line && result == 0;) {
		size_t n = strcspn(line, "\n");
		bool is_it = n == length && memcmp(line, program, n) == 0;
		found |= is_it;
		if (n && !is_it)
			result = buffer_append(&list, line, n, 1, &at, err) ||
				 buffer_append(&list, "\n", 1, 1, &at, err);
		line += n + (line[n] == '\n');
	}
	free(text);
	if (result == 0 && listed)
		result = buffer_append(&list, program, length, 1, &at, err) ||
			 buffer_append(&list, "\n", 1, 1, &at, err);
	if (result == 0 && found != listed) {
		if (list.size)
			result = file_write(list_path, list.bytes, list.size, 0644, err);
		else if (unlink(list_path) != 0 && errno != ENOENT)
			result = matr_fail_errno(err, list_path, "cannot be removed");
	}
	buffer_free(&list);
	return result ? -1 : 0;
}

/* ---- the copy ---- */

/* Owner, mode, attributes, times: in this order, for the first takes bits from the second, and all
 * change the last. */
static int copy_attributes(const char *program, int fd, const struct stat *status,
			   struct matr_error *err)
{
	char names[MAX_ATTRIBUTES], value[MAX_ATTRIBUTES];
	struct timespec times[2] = {status->st_atim, status->st_mtim};

	if (fchown(fd, status->st_uid, status->st_gid) != 0 ||
	    fchmod(fd, status->st_mode & 07777) != 0)
		return matr_fail_errno(err, program, "its owner and mode cannot be copied");
	ssize_t size = listxattr(program, names, sizeof names);
	if (size < 0 && errno != ENOTSUP)
		return matr_fail_errno(err, program, "its attributes cannot be read");
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n = getxattr(program, names + at, value, sizeof value);
		if (n < 0 || fsetxattr(fd, names + at, value, (size_t)n, 0) != 0)
			return matr_fail_errno(err, program, "its attribute %s cannot be copied",
					       names + at);
	}
	if (futimens(fd, times) != 0)
		return matr_fail_errno(err, program, "its times cannot be copied");
	return 0;
}

static int write_copy(const char *program, const char *next, const void *bytes, size_t size,
		      const struct stat *status, struct matr_error *err)
{
	if (unlink(next) != 0 && errno != ENOENT) /* of one that was killed */
		return matr_fail_errno(err, next, "cannot be removed");
	int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return matr_fail_errno(err, next, "cannot be written");
	int result = 0;
	for (size_t done = 0; done < size && result == 0;) {
		ssize_t n = write(fd, (const char *)bytes + done, size - done);
		if (n < 0 && errno != EINTR)
			result = matr_fail_errno(err, next, "cannot be written");
		done += n > 0 ? (size_t)n : 0;
	}
	if (result == 0)
		result = copy_attributes(program, fd, status, err);
	if (result == 0 && fsync(fd) != 0)
		result = matr_fail_errno(err, next, "cannot be written");
	if (close(fd) != 0 && result == 0)
		result = matr_fail_errno(err, next, "cannot be written");
	if (result != 0)
		unlink(next);
	return result;
}

/* Exchange the program for a copy that names another interpreter. */
static int exchange(const char *program, const struct names *names, const struct stat *status,
		    const char *interpreter, struct matr_error *err)
{
	void *bytes;
	char *at;
	size_t size, room;

	int result = interpreter_of(program, &bytes, &size, &at, &room, err);
	if (result < 0)
		return -1;
	if (result == 0 || !elf_set_interpreter(at, room, interpreter))
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, program,
				   "has no room for the path of ld-stable");
	else
		result = write_copy(program, names->next, bytes, size, status, err);
	free(bytes);
	if (result != 0)
		return -1;
	if (rename(names->next, program) != 0) {
		matr_fail_errno(err, program, "cannot be replaced");
		unlink(names->next);
		return -1;
	}
	return file_sync_directory(names->directory, err);
}

/* ---- enable ---- */

static int check_program(const char *program, const struct names *names, struct stat *status,
			 struct matr_error *err)
{
	char value[64];
	void *bytes;
	char *interpreter;
	size_t size, room;

	if (lstat(program, status) != 0)
		return matr_fail_errno(err, program, "cannot be looked at");
	if (!S_ISREG(status->st_mode))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, program, "is not a regular file");
	if ((status->st_mode & (S_ISUID | S_ISGID)) ||
	    getxattr(program, "security.capability", value, sizeof value) >= 0 || errno == ERANGE)
		return matr_fail(
			err, MATR_ERROR_UNSUPPORTED, program,
			"gains privileges when it starts, so that it always starts plainly; "
			"it is left alone");
	if (prefix_check(names->directory, err) != 0)
		return -1;
	int has = interpreter_of(program, &bytes, &size, &interpreter, &room, err);
	if (has < 0)
		return -1;
	int result = 0;
	if (!has)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, program,
				   "is not a dynamically linked program");
	else if (strcmp(interpreter, MATR_SYSTEM_LOADER) != 0 && strcmp(interpreter, ours) != 0)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, program,
				   "names another interpreter, %.200s", interpreter);
	else if (strcmp(interpreter, ours) == 0)
		result = 1;
	free(bytes);
	return result;
}

/* The original's second name. One that is there already is of a file that has been replaced
 * since. */
static int keep_original(const char *program, const struct names *names, struct matr_error *err)
{
	if (unlink(names->original) != 0 && errno != ENOENT)
		return matr_fail_errno(err, names->original, "cannot be removed");
	if (link(program, names->original) != 0)
		return file_fail_to_change(program, "cannot be kept by a second name", err);
	return 0;
}

int matr_enable(const char *program, const struct matr_loader_options *options,
		struct matr_error *err)
{
	struct names names;
	struct stat status;
	struct matr_loader_options place = *options;

	if (make_names(program, &names, err) != 0)
		return -1;
	int enabled = check_program(program, &names, &status, err);
	if (enabled < 0)
		return -1;
	place.place_only = true;
	if (matr_loader_install(&place, err) < 0)
		return -1;
	int lock = lock_list(err);
	if (lock < 0)
		return -1;
	int result = change_list(program, true, err);
	if (result == 0 && !enabled) {
		result = keep_original(program, &names, err);
		if (result == 0 && exchange(program, &names, &status, ours, err) != 0) {
			unlink(names.original);
			result = -1;
		}
		if (result != 0)
			change_list(program, false, NULL);
	}
	close(lock);
	return result != 0 ? -1 : enabled ? MATR_ENABLE_UNCHANGED : MATR_ENABLE_CHANGED;
}

/* ---- disable ---- */

static int restore(const char *program, const struct names *names, struct matr_error *err)
{
	struct stat status;

	if (access(names->original, F_OK) == 0) {
		if (rename(names->original, program) != 0)
			return matr_fail_errno(err, program, "the original cannot be put back");
		return file_sync_directory(names->directory, err);
	}
	/* Removed by another program. Its bytes are recorded. */
	if (lstat(program, &status) != 0)
		return matr_fail_errno(err, program, "cannot be looked at");
	return exchange(program, names, &status, MATR_SYSTEM_LOADER, err);
}

int matr_disable(const char *program, struct matr_error *err)
{
	struct names names;
	struct stat status;
	int enabled = 0, change = MATR_ENABLE_GONE;

	if (make_names(program, &names, err) != 0)
		return -1;
	int lock = lock_list(err);
	if (lock < 0)
		return -1;
	int result = 0;
	bool exists = lstat(program, &status) == 0;
	if (exists)
		enabled = is_enabled(program, err);
	bool kept = access(names.original, F_OK) == 0;
	if (enabled < 0) {
		result = -1;
	} else if (enabled) {
		result = restore(program, &names, err);
		change = MATR_ENABLE_CHANGED;
	} else if (kept && unlink(names.original) != 0) {
		result = matr_fail_errno(err, names.original, "cannot be removed");
	} else if (exists && !kept) {
		change = MATR_ENABLE_UNCHANGED;
	}
	unlink(names.next);
	if (result == 0)
		result = change_list(program, false, err);
	close(lock);
	return result != 0 ? -1 : change;
}

/* ---- enabled programs ---- */

void matr_enabled_free(struct matr_enabled *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].path);
	free(list);
}

int matr_enabled_list(struct matr_enabled **out, size_t *n, struct matr_error *err)
{
	char *text;
	size_t size, lines = 0;

	*n = 0;
	if (read_list(&text, &size, err) != 0)
		return -1;
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	*out = calloc(lines + 1, sizeof **out);
	for (char *line = text; *out && *line && *n <= lines;) {
		size_t length = strcspn(line, "\n");
		struct matr_enabled *entry = &(*out)[(*n)++];
		entry->path = strndup(line, length);
		if (!entry->path)
			break;
		entry->state = access(entry->path, F_OK) != 0	    ? MATR_ENABLED_REMOVED
			       : is_enabled(entry->path, NULL) == 1 ? MATR_ENABLED
								    : MATR_ENABLED_REPLACED;
		line += length + (line[length] == '\n');
	}
	free(text);
	if (!*out || (*n && !(*out)[*n - 1].path)) {
		if (*out)
			matr_enabled_free(*out, *n);
		*n = 0;
		return matr_fail_memory(err);
	}
	return 0;
}
