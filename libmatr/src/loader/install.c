/* install.c - taking the dynamic linker's place and giving it back (matr/loader.h).
 *
 * There is no moment at which the loader path does not lead to a loader, and none at which a crash
 * would leave more behind than a name that the next call removes. That is because of three habits:
 *
 * - A file is written and synced under another name, tested, and only then renamed to its own.
 * - The original is kept as what it is, an inode (a hard link to the symbolic link or file), so
 *   that giving it back is a rename and restores owner, times and attributes with it.
 * - matr-ld.so is removed last, and some time after the loader path has ceased to lead to it: an
 *   execve() that was between following the link and opening the file finds it still there.
 */
#include "loader/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "base/prefix.h"
#include "loader/stamp.h"
#include "loader/test.h"

enum {
	GRACE = 200000000
}; /* nanoseconds for an execve() to get from a symbolic link to its file */

/* Serialise concurrent installs. */
static int lock_directory(const struct loader_place *place, struct matr_error *err)
{
	int fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return matr_fail_errno(err, place->directory, "cannot be opened");
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		matr_fail_errno(err, place->directory, "cannot be locked");
		close(fd);
		return -1;
	}
	return fd;
}

/* Remove files that killed calls left, including those of `matr enable`: its list is in the same
 * directory and is written under the same lock. */
static int clean(int directory, const struct loader_place *place, struct matr_error *err)
{
	static const char *const names[] = {LOADER_NEW, LOADER_ORIGINAL_NEW, LOADER_SWITCH};
	static const char *const written[] = {LOADER_NEW, MATR_LOADER_ENABLED};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (unlinkat(directory, names[i], 0) != 0 && errno != ENOENT)
			return matr_fail_errno(err, place->directory, "cannot remove %s", names[i]);
	}
	for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
		if (path_join(place->directory, written[i], path, err) != 0 ||
		    file_clean(path, err) != 0)
			return -1;
	}
	return 0;
}

/* With the lock: look again, now that no other process acts, and clear up. */
static int prepare(int directory, const char *path, struct loader_place *place,
		   struct matr_error *err)
{
	if (loader_place_look(path, place, err) != 0)
		return -1;
	if (place->in_run)
		return matr_fail(err, MATR_ERROR_STATE, place->path,
				 "this is a namespace of `matr run`");
	return clean(directory, place, err);
}

static int rename_in(int directory, const char *from, const char *to,
		     const struct loader_place *place, struct matr_error *err)
{
	if (renameat(directory, from, directory, to) != 0)
		return matr_fail_errno(err, place->directory, "%s cannot be renamed to %s", from,
				       to);
	/* Two names of one file: rename() leaves both. */
	if (unlinkat(directory, from, 0) != 0 && errno != ENOENT)
		return matr_fail_errno(err, place->directory, "cannot remove %s", from);
	return 0;
}

/* A symbolic link at the loader path, in one step. */
static int switch_link(int directory, const struct loader_place *place, const char *target,
		       struct matr_error *err)
{
	if (symlinkat(target, directory, LOADER_SWITCH) != 0)
		return matr_fail_errno(err, place->directory, "no symbolic link can be made");
	if (rename_in(directory, LOADER_SWITCH, path_name(place->path), place, err) != 0) {
		unlinkat(directory, LOADER_SWITCH, 0);
		return -1;
	}
	return file_sync_directory_fd(directory, place->directory, err);
}

/* ---- the way back ---- */

/* Check that the original leads to a loader that is not ours. */
static int check_original(const struct loader_place *place, struct matr_error *err)
{
	char real[PATH_MAX];
	struct loader_place original;

	if (loader_place_look(place->original, &original, err) != 0 ||
	    loader_place_real(&original, real, err) != 0)
		return -1;
	if (original.ours)
		return matr_fail(err, MATR_ERROR_STATE, place->original, "is not the original");
	return 0;
}

static int give_back(int directory, const struct loader_place *place, struct matr_error *err)
{
	char real[PATH_MAX];

	if (place->has_original) {
		if (check_original(place, err) != 0 ||
		    rename_in(directory, MATR_LOADER_ORIGINAL, path_name(place->path), place,
			      err) != 0)
			return -1;
		return file_sync_directory_fd(directory, place->directory, err);
	}
	/* Removed by another program. Fall back to the ld.so that ld-stable starts. */
	if (loader_place_real(place, real, err) != 0)
		return -1;
	return switch_link(directory, place, real, err);
}

/* ---- taking it ---- */

/* The original's inode gets its second name. Not where ld-stable has the place already: then only
 * what it starts can be named, should the original have been removed. */
static int keep_original(int directory, const struct loader_place *place, const char *real,
			 struct matr_error *err)
{
	int failed = 0;

	if (place->ours && place->has_original)
		return 0;
	if (place->ours)
		failed = symlinkat(real, directory, LOADER_ORIGINAL_NEW);
	else
		failed = linkat(directory, path_name(place->path), directory, LOADER_ORIGINAL_NEW,
				0);
	if (failed)
		return file_fail_to_change(place->path, "cannot be kept by a second name", err);
	if (rename_in(directory, LOADER_ORIGINAL_NEW, MATR_LOADER_ORIGINAL, place, err) != 0)
		return -1;
	return file_sync_directory_fd(directory, place->directory, err);
}

static void drop_original(int directory, const struct loader_place *place)
{
	struct loader_place now;

	if (!place->has_original && loader_place_look(place->given, &now, NULL) == 0 && !now.ours)
		unlinkat(directory, MATR_LOADER_ORIGINAL, 0);
}

/* Test whether matr-ld.so has these bytes and mode 0755, and belongs to this user. */
static bool is_current(const struct loader_place *place, const void *bytes, size_t size)
{
	struct stat status;
	void *old;
	size_t old_size;

	if (lstat(place->interpreter, &status) != 0 || !S_ISREG(status.st_mode) ||
	    (status.st_mode & 07777) != 0755 || status.st_uid != geteuid() ||
	    file_read(place->interpreter, (size_t)status.st_size, &old, &old_size, NULL) != 0)
		return false;
	bool same = old_size == size && memcmp(old, bytes, size) == 0;
	free(old);
	return same;
}

/* The path by which programs will name the new file while it is tested: the loader path's directory
 * as they name it. */
static int test_path(const struct loader_place *place, char out[PATH_MAX], struct matr_error *err)
{
	int length = (int)(path_name(place->given) - place->given);

	if (snprintf(out, PATH_MAX, "%.*s" LOADER_NEW, length, place->given) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, place->given, "path is too long");
	return 0;
}

static int put_interpreter(int directory, const struct loader_place *place, const char *real,
			   const void *bytes, size_t size, struct matr_error *err)
{
	char next[PATH_MAX], tested[PATH_MAX];

	if (path_join(place->directory, LOADER_NEW, next, err) != 0 ||
	    test_path(place, tested, err) != 0 || file_write(next, bytes, size, 0755, err) != 0)
		return -1;
	if (loader_test(tested, real, err) == 0 &&
	    rename_in(directory, LOADER_NEW, MATR_LOADER_FILE, place, err) == 0)
		return file_sync_directory_fd(directory, place->directory, err);
	unlinkat(directory, LOADER_NEW, 0);
	return -1;
}

/* Path at which ld-stable will find the real ld.so: the target of the link, or the original's
 * new name. */
static int loader_for(const struct loader_place *place, const struct matr_loader_options *options,
		      char loader[PATH_MAX], struct matr_error *err)
{
	char real[PATH_MAX];

	if (loader_place_real(place, real, err) != 0)
		return -1;
	bool becomes_original = !place->ours && !place->is_link && !options->place_only;
	snprintf(loader, PATH_MAX, "%s", becomes_original ? place->original : real);
	return 0;
}

static int check_file(const char *path, struct matr_error *err)
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof directory, "%.*s", (int)path_directory(path), path);
	if (prefix_check(directory, err) != 0)
		return -1;
	return prefix_check_file(directory, path_name(path), err);
}

/* The last word is what happens when programs start the usual way; this process is still running,
 * and can undo it. */
static int check_switched(int directory, const struct loader_place *place, const char *real,
			  struct matr_error *err)
{
	struct loader_place now;

	if (loader_test(place->given, real, err) == 0)
		return 0;
	if (loader_place_look(place->given, &now, NULL) == 0)
		give_back(directory, &now, NULL);
	return -1;
}

static int take(int directory, const struct matr_loader_options *options,
		struct loader_place *place, struct matr_error *err)
{
	char prefix[PATH_MAX], real[PATH_MAX], loader[PATH_MAX];
	void *bytes = NULL;
	size_t size = 0;

	if (prefix_make(options->prefix, prefix, err) != 0 || prefix_check(prefix, err) != 0 ||
	    loader_place_real(place, real, err) != 0 || check_file(real, err) != 0 ||
	    loader_for(place, options, loader, err) != 0 ||
	    loader_make(prefix, options->ld_stable, real, loader, &bytes, &size, err) != 0)
		return -1;
	bool current = is_current(place, bytes, size);
	bool switched = place->ours && place->is_link && place->works;
	bool done = current && (options->place_only || (switched && place->has_original));
	int result = 0;
	if (!done && !options->place_only)
		result = keep_original(directory, place, real, err);
	if (!done && result == 0) {
		result = put_interpreter(directory, place, real, bytes, size, err);
		if (result == 0 && !options->place_only && !switched)
			result = switch_link(directory, place, MATR_LOADER_FILE, err) == 0
					 ? check_switched(directory, place, real, err)
					 : -1;
		if (result != 0 && !options->place_only)
			drop_original(directory, place);
	}
	free(bytes);
	return result != 0 ? -1 : done ? MATR_LOADER_UNCHANGED : MATR_LOADER_CHANGED;
}

int matr_loader_install(const struct matr_loader_options *options, struct matr_error *err)
{
	struct loader_place place;

	if (loader_place_look(options->path, &place, err) != 0 ||
	    prefix_check(place.directory, err) != 0)
		return -1;
	if (options->refresh && !place.has_original)
		return MATR_LOADER_UNCHANGED;
	int directory = lock_directory(&place, err);
	if (directory < 0)
		return -1;
	int result = prepare(directory, options->path, &place, err);
	if (result == 0)
		result = take(directory, options, &place, err);
	close(directory);
	return result;
}

/* ---- giving it back ---- */

/* Programs that name matr-ld.so themselves could not start without it. */
static bool is_named_by_programs(const struct loader_place *place)
{
	char path[PATH_MAX];
	struct stat status;

	return path_join(place->directory, MATR_LOADER_ENABLED, path, NULL) == 0 &&
	       stat(path, &status) == 0 && status.st_size > 0;
}

static int restore(int directory, const struct loader_place *place, struct matr_error *err)
{
	bool changed = false;

	if (place->ours || !place->works) {
		if (give_back(directory, place, err) != 0)
			return -1;
		changed = true;
	} else if (place->has_original) {
		/* A package has put its own back: the original is not wanted any more. */
		if (unlinkat(directory, MATR_LOADER_ORIGINAL, 0) != 0)
			return matr_fail_errno(err, place->original, "cannot be removed");
		changed = true;
	}
	if (place->has_interpreter && !is_named_by_programs(place)) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = GRACE}, NULL);
		if (unlinkat(directory, MATR_LOADER_FILE, 0) != 0 && errno != ENOENT)
			return matr_fail_errno(err, place->interpreter, "cannot be removed");
		changed = true;
	}
	if (changed && file_sync_directory_fd(directory, place->directory, err) != 0)
		return -1;
	return changed ? MATR_LOADER_CHANGED : MATR_LOADER_UNCHANGED;
}

int matr_loader_uninstall(const char *path, struct matr_error *err)
{
	struct loader_place place;

	if (loader_place_look(path, &place, err) != 0)
		return -1;
	int directory = lock_directory(&place, err);
	if (directory < 0)
		return -1;
	int result = prepare(directory, path, &place, err);
	if (result == 0)
		result = restore(directory, &place, err);
	close(directory);
	return result;
}
