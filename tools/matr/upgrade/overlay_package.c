/* overlay_package.c - other versions of packages in the place of those that are installed.
 *
 * First everything goes that goes, then everything comes that comes: so a file may move from one
 * package to another, or from /lib to /usr/lib where the one is a link to the other, as in an
 * upgrade by dpkg.
 */
#include "matr/upgrade/overlay_package.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/exposure.h>
#include <matr/packages.h>

#include "common/path.h"
#include "matr/upgrade/lines.h"
#include "matr/upgrade/overlay.h"

static bool is_elf(const char *path)
{
	char magic[SELFMAG];
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool result = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		      read(fd, magic, sizeof magic) == sizeof magic &&
		      memcmp(magic, ELFMAG, SELFMAG) == 0;

	if (fd >= 0)
		close(fd);
	return result;
}

static int join(char out[PATH_MAX], const char *tree, const char *path, struct matr_error *err)
{
	if (snprintf(out, PATH_MAX, "%s%s", tree, path) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, path, "path is too long");
	return 0;
}

/* ---- files that go ---- */

/* Test whether the new version lacks the file. A directory in its place is another thing, unless
 * the file is a link to a directory. Returns 1 if so, 0 if not, -1 on error. */
static int is_gone(const char *tree, const char *line, const char *now, struct matr_error *err)
{
	char path[PATH_MAX];
	struct stat new, old;

	if (join(path, tree, line, err) != 0)
		return -1;
	if (lstat(path, &new) != 0)
		return 1;
	return S_ISDIR(new.st_mode) && stat(now, &old) == 0 && !S_ISDIR(old.st_mode);
}

/* Test whether the absence of the file makes a difference to how programs are loaded. */
static bool matters_when_gone(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 &&
	       (S_ISLNK(status.st_mode) || (S_ISREG(status.st_mode) && is_elf(path)));
}

/* Files of the package that are to go, where they are now. */
static int list_gone(const struct overlay_package *package,
		     const struct matr_diversions *diversions, struct lines *out,
		     struct matr_error *err)
{
	struct lines names = {.n = 0}, kept = {.n = 0};
	int result = lines_add_package(&names, package->name, "list", err);

	if (result == 0) /* dpkg leaves those that are obsolete where they are */
		result = lines_add_package(&kept, package->name, "conffiles", err);
	for (size_t i = 0; i < names.n && result == 0; i++) {
		const char *now = matr_diverted(diversions, names.list[i], package->name);
		if (!matters_when_gone(now) || lines_have(&kept, names.list[i]))
			continue;
		int gone = is_gone(package->tree, names.list[i], now, err);
		result = gone > 0 ? lines_add(out, now, err) : gone;
	}
	lines_free(&names);
	lines_free(&kept);
	return result;
}

/* Test whether the package ("libc6:amd64", or without the architecture) is one of those that are
 * replaced. */
static bool is_replaced(const struct overlay_package *packages, size_t n, const char *name,
			size_t length)
{
	for (size_t i = 0; i < n; i++) {
		size_t own = memchr(name, ':', length) ? strlen(packages[i].name)
						       : strcspn(packages[i].name, ":");
		if (own == length && strncmp(packages[i].name, name, length) == 0)
			return true;
	}
	return false;
}

/* Test whether packages that stay as they are have the file, too.
 * owners: "one, two:amd64". */
static bool has_others(const struct overlay_package *packages, size_t n, const char *owners)
{
	while (owners && *owners) {
		size_t length = strcspn(owners, ",");
		if (!is_replaced(packages, n, owners, length))
			return true;
		owners += length;
		owners += strspn(owners, ", ");
	}
	return false;
}

static int remove_gone(const char *work, const struct overlay_package *packages, size_t n,
		       const struct overlay_package *package,
		       const struct matr_diversions *diversions, struct matr_error *err)
{
	struct lines gone = {.n = 0};
	char **owners = NULL;
	int result = list_gone(package, diversions, &gone, err);

	if (result == 0 && gone.n)
		result = matr_packages(NULL, (const char *const *)gone.list, gone.n, &owners, err);
	for (size_t i = 0; i < gone.n && result == 0; i++)
		if (!has_others(packages, n, owners[i]))
			result = overlay_remove(work, gone.list[i], err);
	if (owners)
		matr_packages_free(owners, gone.n);
	lines_free(&gone);
	return result;
}

/* ---- files that come ---- */

/* Follow a link of the package by one step: in the package, or else in the system. Returns false if
 * nothing is there yet. */
static bool follow(const char *tree, const char *target, const char *text, char out[PATH_MAX])
{
	int directory = text[0] == '/' ? 0 : (int)(path_name(target) - target);
	struct stat status;

	return (snprintf(out, PATH_MAX, "%s%.*s%s", tree, directory, target, text) < PATH_MAX &&
		stat(out, &status) == 0) ||
	       (snprintf(out, PATH_MAX, "%.*s%s", directory, target, text) < PATH_MAX &&
		stat(out, &status) == 0);
}

/* A link that is there already makes no difference, nor does one to a file that is not ELF
 * (documentation, data). */
static bool link_matters(const char *tree, const char *source, const char *path, const char *target)
{
	char new[PATH_MAX], old[PATH_MAX], end[PATH_MAX];
	struct stat status;
	ssize_t n_new = readlink(source, new, sizeof new - 1);
	ssize_t n_old = readlink(target, old, sizeof old - 1);

	if (n_new < 0)
		return true;
	new[n_new] = 0;
	if (n_new == n_old && memcmp(new, old, (size_t)n_new) == 0)
		return false;
	return is_elf(target) || !follow(tree, path, new, end) || stat(end, &status) != 0 ||
	       !S_ISREG(status.st_mode) || is_elf(end);
}

/* path: as the package has it; target: where it goes. */
static bool matters(const char *tree, const FTSENT *entry, const char *path, const char *target)
{
	if (entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE)
		return link_matters(tree, entry->fts_accpath, path, target);
	if (entry->fts_info != FTS_F)
		return false; /* directories come with what is in them */
	return is_elf(entry->fts_accpath) || is_elf(target) ||
	       strncmp(path, "/etc/ld.so.", 11) == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int put_new(const char *work, const struct overlay_package *package,
		   const struct matr_diversions *diversions, struct matr_error *err)
{
	char *roots[] = {(char *)package->tree, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	size_t length = strlen(package->tree);
	FTSENT *entry = NULL;
	int result = walk ? 0 : matr_fail_errno(err, package->tree, "cannot be read");

	while (result == 0 && (errno = 0, entry = fts_read(walk))) {
		const char *path = entry->fts_path + length;
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR ||
		    entry->fts_info == FTS_NS) {
			errno = entry->fts_errno;
			result = matr_fail_errno(err, entry->fts_path, "cannot be read");
			continue;
		}
		const char *target = matr_diverted(diversions, path, package->name);
		if (matters(package->tree, entry, path, target))
			result = overlay_put(work, target, entry->fts_path, err);
	}
	if (result == 0 && errno)
		result = matr_fail_errno(err, package->tree, "cannot be read");
	if (walk)
		fts_close(walk);
	return result;
}

int overlay_packages(const char *work, const struct overlay_package *packages, size_t n,
		     const struct matr_diversions *diversions, struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++)
		result = remove_gone(work, packages, n, &packages[i], diversions, err);
	for (size_t i = 0; i < n && result == 0; i++)
		result = put_new(work, &packages[i], diversions, err);
	return result;
}
