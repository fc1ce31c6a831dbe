/* recorder.c - a directory in the prefix from which programs are started to be recorded.
 *
 * It is not a temporary directory's: that may be mounted noexec, where no interpreter can be.
 */
#include <matr/recording.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/loader.h>
#include <matr/loader_format.h>
#include <matr/prefix.h>

#include "base/path.h"
#include "base/prefix.h"
#include "loader/place.h"
#include "loader/stamp.h"

enum { GRACE = 60 }; /* seconds during which a directory without a lock may be about to be locked */

static const char leading[] = "record.";
static const char noted[] = "loads";

/* By their names, in the directory itself: not through a link, and nothing else that may be in
 * it. */
static void remove_directory(int prefix, const char *name)
{
	static const char *const files[] = {noted, MATR_LD_STABLE_FILE, MATR_REAL_LOADER_FILE,
					    MATR_INTERPRETER_FILE};
	int directory = openat(prefix, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (directory < 0)
		return;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlinkat(directory, files[i], 0);
	close(directory);
	unlinkat(prefix, name, AT_REMOVEDIR);
}

/* Test whether the run that made the directory has been killed. */
static bool is_abandoned(int prefix, const char *name)
{
	int directory = openat(prefix, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (directory < 0)
		return false;
	bool is = fstat(directory, &status) == 0 && time(NULL) - status.st_mtime > GRACE &&
		  flock(directory, LOCK_EX | LOCK_NB) == 0;
	close(directory);
	return is;
}

static void remove_abandoned(const char *prefix)
{
	DIR *directory = opendir(prefix);

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (strncmp(entry->d_name, leading, sizeof leading - 1) == 0 &&
		    is_abandoned(dirfd(directory), entry->d_name))
			remove_directory(dirfd(directory), entry->d_name);
	}
	closedir(directory);
}

static int make_directory(const char *prefix, struct matr_recorder *out, struct matr_error *err)
{
	if (path_join(prefix, "record.XXXXXX", out->directory, err) != 0)
		return -1;
	if (!mkdtemp(out->directory))
		return matr_fail_errno(err, prefix, "no directory can be made in it");
	if (chmod(out->directory, 0755) != 0)
		return matr_fail_errno(err, out->directory, "cannot be opened to others");
	out->lock = open(out->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->lock < 0 || flock(out->lock, LOCK_EX | LOCK_NB) != 0)
		return matr_fail_errno(err, out->directory, "cannot be locked");
	if (path_join(out->directory, noted, out->file, err) != 0)
		return -1;
	int file = openat(out->lock, noted, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return matr_fail_errno(err, out->file, "cannot be made");
	close(file);
	return 0;
}

int matr_recorder_open(const char *prefix, struct matr_recorder *out, struct matr_error *err)
{
	char canonical[PATH_MAX];

	out->directory[0] = 0;
	out->lock = -1;
	if (prefix_make(prefix, canonical, err) < 0 || prefix_check(canonical, err) < 0)
		return -1;
	remove_abandoned(canonical);
	if (make_directory(canonical, out, err) == 0)
		return 0;
	matr_recorder_close(out);
	return -1;
}

int matr_recorder_add_loader(struct matr_recorder *recorder, const char *ld_stable,
			     struct matr_error *err)
{
	struct matr_loader_config config;
	char real[PATH_MAX], interpreter[PATH_MAX];

	if (loader_real(MATR_SYSTEM_LOADER, real, err) != 0 ||
	    loader_stamp(recorder->directory, ld_stable, real, err) != 0 ||
	    path_join(recorder->directory, MATR_INTERPRETER_FILE, interpreter, err) != 0 ||
	    matr_loader_identify(interpreter, &config, err) < 0)
		return -1;
	if (config.unserved[0])
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, real,
				 "its calls cannot be seen: %.200s", config.unserved);
	if (!config.debug)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, real, "has no _r_debug");
	return 0;
}

void matr_recorder_close(struct matr_recorder *recorder)
{
	if (recorder->directory[0])
		remove_directory(AT_FDCWD, recorder->directory);
	if (recorder->lock >= 0)
		close(recorder->lock);
	recorder->directory[0] = 0;
	recorder->lock = -1;
}
